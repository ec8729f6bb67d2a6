"""The renderer: repeatable, diverse, and no class to be told by its mean colour."""

import io
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scrapline.rendering import MATERIALS, Recipe, load_recipe, render, render_jpeg
from scrapline.system.errors import ScraplineError

DEMO = Path(__file__).parents[3] / "data/recipes/demo.yaml"
RECIPE = Recipe(seed=3, images_per_class=2, width=64, height=48, jpeg_quality=90, materials=MATERIALS)


def test_there_are_six_materials() -> None:
    assert MATERIALS == ("cardboard", "glass", "metal", "paper", "plastic", "trash")


@pytest.mark.parametrize("material", MATERIALS)
@pytest.mark.parametrize(("width", "height"), [(320, 240), (48, 48), (40, 90)])
def test_every_material_fills_the_picture(material: str, width: int, height: int) -> None:
    for index in range(6):
        picture = render(material, seed=1, index=index, width=width, height=height)
        assert picture.shape == (height, width, 3)
        assert picture.dtype == np.uint8
        assert picture.std() > 4, "a flat picture shows nothing"


@pytest.mark.parametrize("material", MATERIALS)
def test_same_arguments_give_the_same_picture_whatever_came_before(material: str) -> None:
    first = render(material, seed=5, index=11, width=96, height=72)
    np.random.seed(0)
    render("trash", seed=5, index=12, width=50, height=50)
    np.testing.assert_array_equal(first, render(material, seed=5, index=11, width=96, height=72))


def test_worker_processes_draw_the_same_bytes() -> None:
    with ProcessPoolExecutor(1) as pool:
        there = pool.submit(render_jpeg, RECIPE, "glass", 4).result()
    assert there == render_jpeg(RECIPE, "glass", 4)


def test_seed_material_and_index_each_change_the_bytes() -> None:
    pictures = [render_jpeg(RECIPE, material, index) for material in MATERIALS for index in range(12)]
    pictures.append(render_jpeg(RECIPE.model_copy(update={"seed": 4}), MATERIALS[0], 0))
    assert len(set(pictures)) == len(pictures)


@pytest.mark.parametrize("material", MATERIALS)
def test_the_same_seed_shows_the_same_scrap_at_every_size(material: str) -> None:
    likeness = []
    for index in range(4):
        small = render(material, seed=2, index=index, width=80, height=60)
        large = Image.fromarray(render(material, seed=2, index=index, width=320, height=240))
        reduced = np.asarray(large.resize((80, 60), Image.Resampling.BOX))
        likeness.append(np.corrcoef(small.ravel(), reduced.ravel())[0, 1])
    assert np.mean(likeness) > 0.7


def test_jpeg_has_the_recipes_size_and_quality() -> None:
    fine, coarse = (
        render_jpeg(RECIPE.model_copy(update={"jpeg_quality": quality}), "paper", 1) for quality in (95, 20)
    )
    image = Image.open(io.BytesIO(fine))
    assert (image.format, image.size) == ("JPEG", (64, 48))
    assert len(coarse) < len(fine)


def test_mean_colour_does_not_give_the_class_away() -> None:
    per_class = 60
    pictures = [render(m, seed=7, index=i, width=160, height=120) for m in MATERIALS for i in range(per_class)]
    colours = np.array([picture.mean(axis=(0, 1)) for picture in pictures])
    labels = np.repeat(np.arange(len(MATERIALS)), per_class)
    scores = []
    for fold in range(5):
        known, new, known_labels, new_labels = train_test_split(
            colours, labels, test_size=0.3, stratify=labels, random_state=fold
        )
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(known, known_labels)
        scores.append(model.score(new, new_labels))
    assert np.mean(scores) < 0.60


def test_demo_recipe_loads() -> None:
    recipe = load_recipe(DEMO)
    assert recipe.materials == MATERIALS
    assert (recipe.images_per_class, recipe.width, recipe.height, recipe.jpeg_quality) == (480, 320, 240, 90)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seed:", "sead:", ("`sead`", "`seed`")),
        ("seed: 7", "seed: -1", ("`seed`", "-1")),
        ("images_per_class: 480", "images_per_class: many", ("`images_per_class`", "many")),
        ("width: 320", "width: 3", ("`width`", "3")),
        ("jpeg_quality: 90", "jpeg_quality: 0", ("`jpeg_quality`", "0")),
        ("jpeg_quality: 90", "", ("`jpeg_quality`", "missing")),
        ("- glass", "- glas", ("`glas`", "`glass`")),
        ("- glass", "- metal", ("`metal`", "twice")),
        ("- glass", "- 3", ("materials.1", "3")),
        ("seed: 7", "seed: [7", ("YAML",)),
    ],
)
def test_a_wrong_recipe_is_one_line_naming_the_culprit(
    tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    text = DEMO.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ScraplineError) as caught:
        load_recipe(path)
    message = str(caught.value)
    assert "\n" not in message
    for word in (str(path), *words):
        assert word in message


@pytest.mark.parametrize("text", ["", "- glass\n", "42\n"])
def test_a_recipe_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScraplineError, match="no mapping"):
        load_recipe(path)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScraplineError, match=r"nowhere\.yaml is not here"):
        load_recipe(tmp_path / "nowhere.yaml")
