"""Letters at their places: features between cells, and places that move with the view."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from kinfolk.methods.clippings.letters import at_places, blank_cells, in_view
from kinfolk.views import document_scan, draw_views


@pytest.mark.parametrize("shape", [(5, 7), (1, 4), (1, 1)], ids=str)
def test_features_at_places_are_those_of_grid_sample(shape):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3, 4, *shape, generator=generator)
    places = torch.rand(20, 2, generator=generator)
    rows = torch.arange(20) % 3
    expected = torch.stack(
        [
            F.grid_sample(
                features[row : row + 1], 2 * place.view(1, 1, 1, 2) - 1, align_corners=False, padding_mode="border"
            ).flatten()
            for row, place in zip(rows, places, strict=True)
        ]
    )
    assert torch.allclose(at_places(features, rows, places), expected, atol=1e-6)


def test_a_place_moves_with_the_view():
    places = torch.tensor([[0.5, 0.5], [0.2, 0.1]])
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.1, 0.0, 0.5, 0.4]])
    assert torch.allclose(in_view(places, boxes), torch.tensor([[0.5, 0.5], [0.25, 0.25]]))


def test_what_is_at_a_place_is_found_there_in_the_view():
    size, num = 64, 40
    generator = torch.Generator().manual_seed(1)
    places = 0.3 + 0.4 * torch.rand(num, 2, generator=generator)
    pages = torch.full((num, 1, size, size), 255, dtype=torch.uint8)
    for page, (x, y) in zip(pages, (places * size).long(), strict=True):
        page[0, y - 1 : y + 2, x - 1 : x + 2] = 0
    recipe = replace(document_scan(size)[0], degrees=0.0, skew=0.0, fade=0.0, bleed=0.0, stain=0.0)
    (view,) = draw_views(pages, (recipe,), generator=generator)
    darkest = view.images.view(num, -1).argmin(dim=1)
    found = torch.stack([darkest % size, darkest // size], dim=1)
    assert ((found - in_view(places, view.boxes) * size).abs() < 2.5).all()
    assert ((found - places * size).abs() > 2.5).any()  # it has moved


def test_cells_without_a_letter_lie_apart_from_all_letters_of_their_string():
    generator = torch.Generator().manual_seed(0)
    places = torch.tensor([[0.2, 0.5], [0.8, 0.5], [0.5, 0.1]])
    strings, ems = torch.tensor([0, 0, 1]), torch.tensor([[0.2, 0.2], [0.5, 0.25]])
    string, where = blank_cells(places, strings, ems, torch.Size([8, 8]), generator)
    assert string.tolist() == [0] * 6 + [1] * 6
    for number, place in zip(string.tolist(), where, strict=True):
        own = places[strings == number]
        assert (((place - own) / ems[number]).norm(dim=1) > 0.55).all()


def test_a_crop_that_is_full_of_one_letter_has_no_cell_without():
    string, where = blank_cells(
        torch.tensor([[0.5, 0.5]]), torch.tensor([0]), torch.tensor([[9.0, 9.0]]), torch.Size([4, 4]), torch.Generator()
    )
    assert string.shape == (0,)
    assert where.shape == (0, 2)
