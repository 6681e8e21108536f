/* The plan of an update rule's launch, and the verdict on its gradients. Sums are in double, in one order: the blocks of
 * a tensor one after another, then the tensors. */
#include "rule.h"

#include <math.h>

#include "launch.h"

int64_t fg_blocks(const fg_tensor *tensor) { return (tensor->n + FG_BLOCK - 1) / FG_BLOCK; }

int64_t fg_all_blocks(const fg_call *call) {
    if (call->tensors == 0) return 0;
    const fg_tensor *last = (const fg_tensor *)call->ptr[0] + call->tensors - 1;
    return last->block + fg_blocks(last);
}

static int is_trust(const fg_call *call) { return call->kernel == FG_K_lars || call->kernel == FG_K_lamb; }

int fg_is_measured(const fg_call *call) {
    return call->scalar[FG_clip_norm] != 0 || call->scalar[FG_nonfinite] != 0 || is_trust(call);
}

/* Whether phase 0 sums blocks here: what `total` brings are sums of all gradients, not each tensor's. */
static int sums_blocks(const fg_call *call) {
    return is_trust(call) || call->scalar[FG_per_tensor] != 0 || !call->ptr[FG_TOTAL];
}

/* A kernel that measures: phase 0 sums blocks, phase 1 adds them up. The others are a loop over elements. */
void fg_plan_each(const fg_call *call, fg_plan *plan) {
    plan->grain[0] = 64;
    if (call->kernel != FG_K_sum_squares) return;
    plan->phases = 2;
    plan->units[0] = fg_all_blocks(call);
    plan->units[1] = plan->grain[0] = 1;
    plan->scratch = sizeof(fg_verdict) + sizeof(fg_measured) * (size_t)call->tensors +
                    sizeof(fg_block_sums) * (size_t)plan->units[0];
}

void fg_plan_rule(const fg_call *call, fg_plan *plan) {
    int64_t blocks = fg_all_blocks(call);
    plan->phases = 3;
    plan->units[0] = plan->units[1] = 0;
    plan->units[2] = call->work;
    plan->grain[2] = 64;
    if (!fg_is_measured(call)) return;
    plan->units[0] = sums_blocks(call) ? blocks : 0;
    plan->units[1] = 1;
    plan->scratch =
        sizeof(fg_verdict) + sizeof(fg_measured) * (size_t)call->tensors + sizeof(fg_block_sums) * (size_t)blocks;
    if (call->kernel != FG_K_lamb) return;
    plan->phases = 5;
    plan->units[2] = blocks;
    plan->grain[2] = 1;
    plan->units[3] = 1;
    plan->units[4] = call->work;
    plan->grain[4] = 64;
}

fg_verdict *fg_verdict_of(const fg_call *call) { return call->scratch; }
fg_measured *fg_measured_of(const fg_call *call) { return (fg_measured *)(fg_verdict_of(call) + 1); }
fg_block_sums *fg_blocks_of(const fg_call *call) { return (fg_block_sums *)(fg_measured_of(call) + call->tensors); }

double fg_tensor_sum(const fg_call *call, const fg_tensor *tensor, fg_sum which) {
    const fg_block_sums *block = fg_blocks_of(call) + tensor->block;
    int64_t n = fg_blocks(tensor);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double of[] = {block[i].g, block[i].bad, block[i].p, block[i].u};
        sum += of[which];
    }
    return sum;
}

/* The factor for a gradient of this norm. A norm that is NaN makes every number NaN, as in PyTorch. */
static double factor(const fg_call *call, double norm) {
    double theta = call->scalar[FG_clip_norm];
    if (theta == 0) return 1;
    int form = (int)call->scalar[FG_clip_form];
    if (form == FG_NORMALIZE) return norm < FG_TINY ? 0 : 1 / norm;
    if (norm <= theta) return 1;
    return form == FG_CLIP_UNIT ? 1 / norm : theta / norm;
}

static void sums_of_total(const fg_call *call, double *square, double *bad) {
    const double *total = call->ptr[FG_TOTAL]; /* total[S/2][2]: sums of squares; 0, or NaN where not finite */
    for (int64_t i = 0; i + 1 < call->size[1]; i += 2) *square += total[i], *bad += total[i + 1];
}

void fg_decide(fg_call *call) {
    const fg_tensor *table = call->ptr[0];
    fg_verdict *verdict = fg_verdict_of(call);
    fg_measured *measured = fg_measured_of(call);
    double square = 0, bad = 0;
    int per_tensor = call->scalar[FG_per_tensor] != 0, from_total = call->ptr[FG_TOTAL] != NULL;
    for (int32_t i = 0; i < call->tensors; i++) {
        measured[i].scale = 1;
        if (!sums_blocks(call)) continue;
        double one = fg_tensor_sum(call, &table[i], FG_SUM_G);
        measured[i].g_norm = sqrt(one);
        measured[i].p_norm = is_trust(call) ? sqrt(fg_tensor_sum(call, &table[i], FG_SUM_P)) : 0;
        if (per_tensor) measured[i].scale = factor(call, measured[i].g_norm);
        if (from_total) continue;
        square += one;
        bad += fg_tensor_sum(call, &table[i], FG_SUM_BAD);
    }
    if (from_total) sums_of_total(call, &square, &bad);
    int is_bad = !(bad == 0);
    int refused = is_bad && call->scalar[FG_nonfinite] == 2; /* which changes nothing, the report neither */
    if (refused) fg_refuse(call, 0);
    verdict->norm = sqrt(square);
    verdict->scale = per_tensor ? 1 : factor(call, verdict->norm);
    verdict->skip = is_bad && call->scalar[FG_nonfinite] != 0;
    double *report = call->ptr[FG_REPORT]; /* report[3] */
    if (report && !refused) report[0] = verdict->norm, report[1] = verdict->scale, report[2] = verdict->skip;
}
