"""The words of a diagnosis, in English and Korean."""

__all__ = ["WORDS"]

WORDS = {
    "en": {
        "head": "Training error {train:.1%} ({train_level}), validation error {held:.1%} ({held_level}).",
        "low": "low",
        "ordinary": "ordinary",
        "high": "high",
        "neither": "Neither bias nor variance is high: the model fits, and what it has learnt holds for other data.",
        "high variance": "High variance: the model has learnt its training part, and not what holds for other data.",
        "high bias": "High bias: the model does not even fit its training part.",
        "high bias and high variance": "High bias and high variance: the model fits its training part poorly, and "
        "other data worse.",
        "check": "Validation is better than training: the two errors do not measure the same.",
        "test": "measure it once on a test part that no choice was made with",
        "data": "more training data",
        "augmentation": "augmentation: shifts, rotations, noise that leave the label as it is",
        "regularise": "regularisation: weight decay, dropout, early stopping, an ensemble",
        "simpler": "a simpler model: fewer or narrower layers",
        "deeper": "a deeper or wider network",
        "longer": "longer training",
        "optimizer": "another learning rate, schedule or update rule; less regularisation",
        "comparable": "measure both in evaluation mode: dropout and augmentation make the training error larger",
        "shared": "look for rows that are in both parts, and for a validation part that is small or easier",
    },
    "ko": {
        "head": "훈련 오차 {train:.1%} ({train_level}), 검증 오차 {held:.1%} ({held_level}).",
        "low": "낮음",
        "ordinary": "보통",
        "high": "높음",
        "neither": "편향도 분산도 높지 않습니다. 모델이 잘 학습했고, 배운 것이 다른 데이터에도 통합니다.",
        "high variance": "분산이 높습니다(과대적합). 훈련 데이터는 외웠지만 다른 데이터에는 통하지 않습니다.",
        "high bias": "편향이 높습니다(과소적합). 훈련 데이터조차 제대로 맞추지 못합니다.",
        "high bias and high variance": "편향과 분산이 모두 높습니다. 훈련 데이터도 잘 맞추지 못하고, "
        "다른 데이터에서는 더 나쁩니다.",
        "check": "검증 오차가 훈련 오차보다 낮습니다. 두 오차가 같은 것을 재고 있지 않습니다.",
        "test": "어떤 선택에도 쓰지 않은 시험 데이터로 한 번만 측정해 보세요",
        "data": "훈련 데이터를 늘리기",
        "augmentation": "데이터 확장: 정답이 바뀌지 않는 이동, 회전, 잡음",
        "regularise": "규제: 가중치 감소, 드롭아웃, 조기 종료, 앙상블",
        "simpler": "더 단순한 모델: 층을 줄이거나 좁히기",
        "deeper": "더 깊거나 넓은 신경망",
        "longer": "더 오래 훈련하기",
        "optimizer": "다른 학습률, 스케줄, 갱신 규칙; 규제 줄이기",
        "comparable": "둘 다 평가 모드에서 재기: 드롭아웃과 데이터 확장은 훈련 오차를 키웁니다",
        "shared": "두 부분에 함께 든 표본이 있는지, 검증 데이터가 너무 적거나 쉬운지 살피기",
    },
}
