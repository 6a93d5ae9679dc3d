"""What the templates come to, without Azure: Bicep read by its grammar, evaluated, and held against ARM's types.

No registry has a Bicep compiler. This knows just what the templates in infra/ use and refuses the rest by name; the
compiler itself runs in the workflow."""
