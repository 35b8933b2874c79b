"""The listing of the folder is the list of methods."""

from pathlib import Path

import embedtune.clustering
from embedtune.clustering import load_method, method_names


def test_every_file_is_a_method_of_its_name_and_says_what_it_does():
    folder = Path(embedtune.clustering.__file__).parent / "methods"
    assert set(method_names()) == {path.stem for path in folder.glob("*.py")} - {"__init__"}
    for name in method_names():
        method = load_method(name)
        assert method.name == name and method.about
        assert method.most is None or method.instead in method_names()
