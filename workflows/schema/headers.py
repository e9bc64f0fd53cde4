"""The elements of a recipe's header: product, batch size, formula, equipment requirements."""

from __future__ import annotations

from workflows import recipe, words
from workflows.schema.grammar import Child, Element, many, may, must
from workflows.schema.grammar import ValueType as T

HEADER = (
    Element(
        name="product",
        cls=recipe.Product,
        help="the product that the recipe makes",
        attributes=(
            must("code", T.CODE),
            must("name", T.TEXT),
            must("strength", T.TEXT),
            must("dosageForm", T.TEXT),
            may("shelfLifeMonths", T.INTEGER),
        ),
    ),
    Element(
        name="batchSize",
        cls=recipe.BatchSize,
        help="reference batch size, allowed range, output at the reference size",
        attributes=(
            must("reference", T.DECIMAL),
            must("minimum", T.DECIMAL),
            must("maximum", T.DECIMAL),
            must("unit", T.UNIT),
            may("output", T.DECIMAL),
            may("outputUnit", T.UNIT),
        ),
    ),
    Element(
        name="ingredient",
        cls=recipe.Ingredient,
        help="one line of the formula, named formula.KEY in expressions; scales with batch size",
        attributes=(
            must("key", T.ITEM),
            must("code", T.CODE, "material code"),
            must("name", T.TEXT),
            must("function", T.TEXT),
            must("quantity", T.DECIMAL, "for the reference batch size"),
            must("unit", T.UNIT),
            may("perUnit", T.DECIMAL, "mg per dosage unit, for the reader"),
            may("tolerance", T.DECIMAL, "weighing tolerance in percent"),
            may("potency", words.PotencyBasis),
            may("compensates", T.BOOLEAN, "takes up the potency correction"),
            may("usedAt", T.KEY, "key of the step that charges it"),
        ),
    ),
    Element(
        name="theory",
        cls=recipe.Theory,
        help="a theoretical yield, named theory.KEY in expressions; scales with batch size",
        attributes=(
            must("key", T.ITEM),
            must("quantity", T.DECIMAL),
            must("unit", T.UNIT),
        ),
    ),
    Element(
        name="packaging",
        cls=recipe.Packaging,
        help="a container, closure or label that the recipe prescribes",
        attributes=(must("code", T.CODE), must("name", T.TEXT), may("quantity", T.DECIMAL)),
    ),
    Element(
        name="capability",
        cls=recipe.Capability,
        help="the range of a bound unit must include [minimum, maximum]",
        attributes=(
            must("name", T.KEY),
            must("unit", T.UNIT),
            may("minimum", T.DECIMAL),
            may("maximum", T.DECIMAL),
            may("scaled", T.BOOLEAN, "grows with the batch size"),
        ),
    ),
    Element(
        name="tag",
        cls=recipe.TagNeed,
        help="a tag that the bound unit must have, named REQUIREMENT.NAME in expressions",
        attributes=(
            must("name", T.KEY),
            may("dataType", words.DataType, "decimal unless said"),
            may("unit", T.UNIT),
            may("writable", T.BOOLEAN),
        ),
    ),
    Element(
        name="equipmentRequirement",
        cls=recipe.EquipmentRequirement,
        help="a unit that the recipe needs, by class and capability",
        attributes=(
            must("key", T.KEY),
            must("class", T.KEY, field="equipment_class"),
            may("shared", T.BOOLEAN, "bound without being occupied"),
            may("states", T.KEYS, "states it may be in when bound"),
            may("calibrated", T.BOOLEAN),
        ),
        children=(
            many("label", "labels"),
            many("capability", "capabilities"),
            many("tag", "tags"),
        ),
    ),
    Element(
        name="recipe",
        cls=recipe.Header,
        help="header, formula and equipment requirements; on the entry process only",
        within=("Process",),
        attributes=(
            must("code", T.CODE),
            must("title", T.TEXT),
            must("category", words.Category),
            may("language", T.LANG, "main language, en unless said"),
        ),
        children=(
            Child(element="product", field="product"),
            Child(element="batchSize", field="batch_size"),
            many("ingredient", "ingredients"),
            many("theory", "theories"),
            many("packaging", "packaging"),
            many("equipmentRequirement", "equipment"),
            many("precaution", "precautions"),
        ),
    ),
)
