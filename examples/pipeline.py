"""A network in scikit-learn's pipeline: the input scaled, its size and dropout searched for.

python examples/pipeline.py        (needs scikit-learn: pip install "fastgrad[sklearn]")
"""

from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from fastgrad.data import load_digits
from fastgrad.train import FastgradClassifier


def main():
    digits = load_digits()
    x, x_test, y, y_test = train_test_split(digits.data, digits.target, test_size=0.3, random_state=0)

    net = FastgradClassifier(learning_rate_init=0.01, batch_size=100, max_iter=12, tol=None, random_state=0)
    pipe = make_pipeline(MinMaxScaler(), net)
    grid = {"fastgradclassifier__hidden_layer_sizes": [(16,), (64,)], "fastgradclassifier__dropout": [0.0, 0.2]}
    search = GridSearchCV(pipe, grid, cv=3).fit(x, y)
    for settings, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        told = ", ".join(f"{name.split('__')[1]} {value}" for name, value in settings.items())
        print(f"  {told:<42} {100 * score:5.1f} % in three folds")

    print(
        f"\nthe best of them on {len(y_test)} images that were kept apart: {100 * search.score(x_test, y_test):.1f} %"
    )
    print("what was taken (down) for what (across):")
    print(confusion_matrix(y_test, search.predict(x_test)))


if __name__ == "__main__":
    main()
