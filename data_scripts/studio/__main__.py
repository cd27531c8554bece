"""`python -m data_scripts.studio PRESET STORE`: render a preset of the synthetic studio into a
store.
"""

import argparse

from . import PRESETS, preset, render


def main():
    parser = argparse.ArgumentParser(prog="python -m data_scripts.studio", description=__doc__)
    parser.add_argument("preset", choices=sorted(PRESETS))
    parser.add_argument("store", help="folder of the store; an interrupted one is finished")
    parser.add_argument("--device", help="cpu or cuda; cuda where there is one, if not given")
    parser.add_argument(
        "--background",
        choices=("keep", "replace", "remove"),
        help="of the pictures; as the preset has it, if not given",
    )
    parser.add_argument(
        "--style",
        type=float,
        help="how differently people move, 0 to 2; as the preset has it, if not given",
    )
    parser.add_argument(
        "--contact-sheet", metavar="FILE", help="also write a PNG of subjects x actions x views"
    )
    parser.add_argument(
        "--only-sheet", action="store_true", help="write the contact sheet and render nothing else"
    )
    options = parser.parse_args()
    if options.only_sheet and not options.contact_sheet:
        parser.error("--only-sheet needs --contact-sheet FILE")
    changes = {"background": options.background, "style": options.style}
    changes = {name: value for name, value in changes.items() if value is not None}
    try:
        recipe = preset(options.preset, **changes)
    except ValueError as error:
        parser.error(str(error))
    if recipe.motion == "cmu":
        parser.error(
            f"{options.preset} moves by motion capture: python -m data_scripts.cmu_motion SOURCE"
            " STORE gets it and renders"
        )
    if not options.only_sheet:
        render(recipe, options.store, options.device)
    if options.contact_sheet:
        from .contact_sheet import contact_sheet  # here: --help loads no ray caster

        contact_sheet(recipe, options.contact_sheet, device=options.device or "cpu")
        print(f"contact sheet in {options.contact_sheet}")


if __name__ == "__main__":
    main()
