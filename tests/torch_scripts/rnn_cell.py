"""A recurrent cell by hand that names the language of a word, letter by letter."""

import string

import numpy as np
import torch
import torch.nn as nn

rng = np.random.default_rng(6)
letters = string.ascii_lowercase
words = [("garden", 0), ("window", 0), ("strasse", 1), ("schatten", 1), ("giardino", 2), ("finestra", 2)]


def line_to_tensor(line):
    tensor = torch.zeros(len(line), 1, len(letters))
    for li, letter in enumerate(line):
        tensor[li][0][letters.find(letter)] = 1
    return tensor


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.i2o = nn.Linear(input_size + hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        combined = torch.cat((input, hidden), 1)
        hidden = torch.tanh(self.i2h(combined))
        output = self.softmax(self.i2o(combined))
        return output, hidden

    def init_hidden(self):
        return torch.zeros(1, self.hidden_size)


rnn = RNN(len(letters), 16, 3)
state = {
    name: torch.tensor(rng.normal(scale=0.3, size=tuple(p.shape)), dtype=p.dtype)
    for name, p in rnn.state_dict().items()
}
rnn.load_state_dict(state)
criterion = nn.NLLLoss()
learning_rate = 0.1
for _epoch in range(30):
    total = 0.0
    for word, language in words:
        hidden = rnn.init_hidden()
        rnn.zero_grad()
        line = line_to_tensor(word)
        for i in range(line.size()[0]):
            output, hidden = rnn(line[i], hidden)
        loss = criterion(output, torch.tensor([language], dtype=torch.long))
        loss.backward()
        with torch.no_grad():
            for p in rnn.parameters():
                p.add_(p.grad, alpha=-learning_rate)
        total += loss.item()
    print(total)
top_n, top_i = output.topk(1)
print(top_n.exp().item(), top_i[0].item())
