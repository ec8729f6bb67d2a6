import io
import pickle
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from conftest import TRASHNET, jpeg, noise
from scrapline.data import imaging
from scrapline.data.imaging import ImageError, Preprocessing


def png(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", **options)
    return buffer.getvalue()


def test_exif_orientation_turns_the_pixels() -> None:
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to show
    decoded = imaging.decode(jpeg(image, exif=exif, quality=95), 512)
    assert decoded.image.size == (20, 40)
    top, bottom = decoded.image.getpixel((10, 5)), decoded.image.getpixel((10, 35))
    assert top[2] > 200
    assert bottom[0] > 200
    assert not decoded.plain


def test_alpha_is_laid_on_white() -> None:
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    image.putpixel((0, 0), (0, 0, 255, 255))
    pixels = np.asarray(imaging.decode(png(image), 512).image)
    assert pixels[0, 0].tolist() == [0, 0, 255]
    assert pixels[3, 3].tolist() == [255, 255, 255]


def test_palette_with_transparency_is_laid_on_white() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([10, 20, 30, 200, 0, 0] + [0] * 762)
    assert np.asarray(imaging.decode(png(image, transparency=1), 512).image)[0, 0].tolist() == [255, 255, 255]
    assert np.asarray(imaging.decode(png(image), 512).image)[0, 0].tolist() == [200, 0, 0]


def test_cmyk_becomes_rgb() -> None:
    data = jpeg(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=100)
    red, green, blue = np.asarray(imaging.decode(data, 512).image)[4, 4].tolist()
    assert red > 200
    assert max(green, blue) < 80


def test_sixteen_bits_keep_the_high_byte() -> None:
    levels = np.full((8, 8), 0xABCD, dtype=np.uint16)
    assert np.asarray(imaging.decode(png(Image.fromarray(levels)), 512).image)[0, 0].tolist() == [0xAB] * 3


def test_an_animation_gives_its_first_frame() -> None:
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(buffer, format="GIF", save_all=True, append_images=frames[1:])
    decoded = imaging.decode(buffer.getvalue(), 512)
    assert np.asarray(decoded.image)[0, 0].tolist() == [255, 0, 0]
    assert not decoded.plain


def test_long_images_are_scaled_down_and_keep_their_shape() -> None:
    decoded = imaging.decode(jpeg(noise(1, (900, 600))), 300)
    assert decoded.image.size == (300, 200)
    assert decoded.original_size == (900, 600)
    assert not decoded.plain


def test_a_large_photo_gives_the_same_pixels_from_its_shard_as_from_its_file() -> None:
    preprocessing = Preprocessing(input_size=64, max_side=128)
    data = jpeg(noise(2, (1600, 1200)), quality=85)
    stored = imaging.encode_png(imaging.decode(data, preprocessing.max_side).image)
    np.testing.assert_array_equal(imaging.load(stored, preprocessing), imaging.load(data, preprocessing))


def test_a_plain_photo_is_stored_as_it_is() -> None:
    assert imaging.decode(jpeg(noise(3)), 512).plain
    assert imaging.decode(png(noise(3)), 512).plain


def test_a_progressive_jpeg_decodes_and_a_cut_one_is_truncated() -> None:
    data = jpeg(noise(4, (200, 150)), progressive=True)
    assert imaging.decode(data, 512).image.size == (200, 150)
    with pytest.raises(ImageError) as caught:
        imaging.decode(data[: len(data) // 2], 512)
    assert caught.value.reason == "truncated"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "unreadable"),
        (b"just some text, called .jpg", "unreadable"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "unreadable"),
        (jpeg(noise(5))[:200], "unreadable"),
        (jpeg(noise(5))[:-300], "truncated"),
    ],
)
def test_bad_bytes_give_their_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError) as caught:
        imaging.decode(data, 512)
    assert caught.value.reason == reason


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP"])
def test_an_animation_cut_anywhere_decodes_or_gives_a_reason(kind: str) -> None:
    buffer = io.BytesIO()
    frames = [noise(seed, (24, 20)) for seed in range(3)]
    frames[0].save(buffer, format=kind, save_all=True, append_images=frames[1:])
    whole = buffer.getvalue()
    reasons = set()
    for end in range(0, len(whole), 7):
        try:
            imaging.decode(whole[:end], 512)
        except ImageError as error:
            reasons.add(error.reason)
    assert reasons <= {"unreadable", "truncated"}
    assert reasons


def test_damage_elsewhere_in_the_exif_block_does_not_cost_a_turned_photo() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x9003] = "2026:01:01 00:00:00"
    whole = bytearray(jpeg(noise(6), exif=exif))
    at = whole.index(b"\x01\x12")
    for place in range(at + 10, at + 40):
        data = bytearray(whole)
        data[place] = 0xFF
        assert imaging.decode(bytes(data), 512).image.size in {(48, 40), (40, 48)}


def test_a_bomb_is_refused_by_its_header() -> None:
    small = png(Image.new("1", (8, 8)))
    header = struct.pack(">II", 20_000, 20_000)
    at = small.index(b"IHDR") + 4
    body = b"IHDR" + header + small[at + 8 : at + 13]
    bomb = small[: at - 4] + body + struct.pack(">I", zlib.crc32(body)) + small[at + 17 :]
    with pytest.raises(ImageError) as caught:
        imaging.decode(bomb, 512)
    assert caught.value.reason == "unsupported"


def test_corrupt_exif_costs_the_metadata_only() -> None:
    plain = jpeg(noise(6))
    data = plain[:2] + b"\xff\xe1\x00\x10Exif\x00\x00II*\x00\xff\xff\xff\xff" + plain[2:]
    assert imaging.decode(data, 512).image.size == (48, 40)


def test_an_image_error_survives_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(ImageError("too_small", "3x3")))
    assert (error.reason, str(error)) == ("too_small", "3x3")


def test_preprocessing_round_trips() -> None:
    preprocessing = Preprocessing(input_size=96, max_side=256)
    assert Preprocessing.from_dict(preprocessing.to_dict()) == preprocessing


def test_resize_gives_the_network_square() -> None:
    pixels = imaging.load(jpeg(noise(7)), Preprocessing(32, 512))
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8


def pillow(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("options", [{}, {"quality": 95, "subsampling": 0}, {"progressive": True}, {"quality": 30}])
@pytest.mark.parametrize("size", [(64, 48), (63, 47), (9, 200)])
def test_jpegs_decode_to_the_pixels_of_pillow(size: tuple[int, int], options: dict) -> None:
    for image in (noise(8, size), noise(8, size).convert("L")):
        data = jpeg(image, **options)
        np.testing.assert_array_equal(imaging.decode(data, 512).pixels, pillow(data))


def test_a_jpeg_is_decoded_by_pillow_only_where_libjpeg_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpeg(noise(9, (64, 48)))
    junk = data.replace(b"\xff\xda", b"\x00\x00\xff\xda", 1)  # extraneous bytes, which cost no pixel
    expected = pillow(junk)
    loaded: list[object] = []
    kind = type(Image.open(io.BytesIO(data)))
    load = kind.load
    monkeypatch.setattr(kind, "load", lambda self: loaded.append(self) or load(self))
    imaging.decode(data, 512)
    assert not loaded
    np.testing.assert_array_equal(imaging.decode(junk, 512).pixels, expected)
    assert loaded


@pytest.mark.parametrize("size", [(512, 384), (640, 480), (511, 301), (300, 500)])
def test_a_jpeg_that_libjpeg_halves_looks_like_one_halved_later(size: tuple[int, int]) -> None:
    image = noise(10, size)
    preprocessing = Preprocessing(64, 640)
    halved = imaging.load(jpeg(image, quality=95), preprocessing).astype(int)
    later = imaging.scale(pillow(jpeg(image, quality=95)), 64, 64).astype(int)
    assert np.abs(halved - later).mean() < 2.0
    assert np.abs(halved - np.asarray(image.resize((64, 64), Image.Resampling.BOX)).astype(int)).mean() < 2.5


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (1, 900), (900, 1), (64, 64), (65, 63), (1000, 999)])
def test_scaling_keeps_a_colour_and_gives_the_size(size: tuple[int, int]) -> None:
    pixels = np.full((size[1], size[0], 3), (10, 120, 250), np.uint8)
    scaled = imaging.scale(pixels, 64, 48)
    assert scaled.shape == (48, 64, 3)
    assert np.unique(scaled.reshape(-1, 3), axis=0).tolist() == [[10, 120, 250]]


def test_fine_stripes_become_grey_and_not_wider_stripes() -> None:
    """Without antialiasing, every fourth pixel of black and white stripes would be black, or white."""
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    scaled = imaging.scale(stripes, 64, 64)
    assert scaled.min() >= 126
    assert scaled.max() <= 129


def test_frames_decoded_one_after_another_do_not_share_memory() -> None:
    preprocessing = Preprocessing(64, 512)
    frames = [jpeg(noise(seed, (300, 200))) for seed in range(6)]
    alone = [imaging.load(data, preprocessing).copy() for data in frames]
    together = [imaging.load(data, preprocessing) for data in frames]
    np.testing.assert_array_equal(together, alone)
    kept = imaging.decode(frames[0], 512)
    before = kept.pixels.copy()
    imaging.load(frames[1], preprocessing)
    np.testing.assert_array_equal(kept.pixels, before)


def test_eight_threads_see_the_pixels_that_one_sees() -> None:
    preprocessing = Preprocessing(64, 512)
    frames = [jpeg(noise(seed, (300 + seed, 200))) for seed in range(16)]
    alone = [imaging.load(data, preprocessing) for data in frames]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda data: imaging.load(data, preprocessing), frames * 20))
    np.testing.assert_array_equal(found, alone * 20)


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing(64, 512),
        Preprocessing(64, 100),
        Preprocessing(64, 512, crop_pct=0.875),
        Preprocessing(64, 100, crop_pct=0.5, interpolation="bicubic"),
    ],
)
@pytest.mark.parametrize("size", [(300, 200), (64, 64), (31, 90), (900, 40)])
def test_an_array_becomes_what_its_file_becomes(size: tuple[int, int], preprocessing: Preprocessing) -> None:
    image = noise(11, size)
    array = np.asarray(image)
    expected = imaging.load(png(image), preprocessing)
    np.testing.assert_array_equal(imaging.from_array(array, preprocessing), expected)
    turned = np.asfortranarray(array)[::-1]
    np.testing.assert_array_equal(imaging.from_array(turned[::-1], preprocessing), expected)
    np.testing.assert_array_equal(array, np.asarray(image), "the frame itself is left as it is")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
        np.zeros((8, 0, 3), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((2, 8, 8, 3), np.uint8),
    ],
)
def test_any_other_array_is_no_picture(array: np.ndarray) -> None:
    with pytest.raises(ImageError) as caught:
        imaging.from_array(array, Preprocessing(64, 512))
    assert caught.value.reason == "unreadable"


@pytest.mark.trashnet
@pytest.mark.skipif(not TRASHNET.is_dir(), reason="TrashNet is not here")
@pytest.mark.parametrize("preprocessing", [Preprocessing(224, 512), Preprocessing(112, 512, crop_pct=0.875)])
def test_a_photo_and_its_pixels_come_close_where_libjpeg_scales(preprocessing: Preprocessing) -> None:
    with zipfile.ZipFile(TRASHNET / "dataset-resized.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg") and "__MACOSX" not in name)
        for name in names[::250]:
            data = archive.read(name)
            found = imaging.from_array(pillow(data), preprocessing).astype(int)
            off = np.abs(found - imaging.load(data, preprocessing))
            assert off.mean() < 1.0, name
