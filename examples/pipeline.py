"""A network in scikit-learn's pipeline: scaled, searched over, stacked with a forest. Needs pip install "fastgrad[sklearn]".

python examples/pipeline.py
"""

from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from fastgrad.data import load_digits
from fastgrad.train import FastgradClassifier


def main():
    digits = load_digits()
    x, x_test, y, y_test = train_test_split(digits.data, digits.target, test_size=0.3, random_state=0)

    net = FastgradClassifier(learning_rate_init=0.01, batch_size=100, max_iter=15, tol=None, random_state=0)
    pipe = make_pipeline(MinMaxScaler(), net)
    grid = {"fastgradclassifier__hidden_layer_sizes": [(16,), (64,)], "fastgradclassifier__dropout": [0.0, 0.2]}
    search = GridSearchCV(pipe, grid, cv=3).fit(x, y)
    for settings, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        told = ", ".join(f"{name.split('__')[1]} {value}" for name, value in settings.items())
        print(f"  {told:<42} {100 * score:5.1f} % in three folds")
    print(f"the best net  {100 * search.score(x_test, y_test):.1f} %")

    forest = RandomForestClassifier(100, random_state=0)
    print(f"a forest      {100 * forest.fit(x, y).score(x_test, y_test):.1f} %")
    stack = StackingClassifier([("net", search.best_estimator_), ("forest", forest)], cv=3)
    print(f"both together {100 * stack.fit(x, y).score(x_test, y_test):.1f} %")


if __name__ == "__main__":
    main()
