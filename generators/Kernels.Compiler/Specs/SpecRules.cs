namespace Kernels.Compiler.Specs;

/// <summary>The rules on a spec's numbers. Rules on the type that carries the attribute are the generator's.</summary>
internal static class SpecRules
{
    public static readonly SpecRule QueryHeadsRange = SpecRule.Error("KA0101", "Query heads out of range",
        "queryHeads is {0}; it must be between {1} and {2}");

    public static readonly SpecRule KvHeadsRange = SpecRule.Error("KA0102", "KV heads out of range",
        "kvHeads is {0}; it must be between {1} and {2}");

    public static readonly SpecRule HeadsNotDivisible = SpecRule.Error("KA0103", "Query heads are not a multiple of KV heads",
        "{0} query heads cannot be shared out over {1} KV heads; kvHeads must divide queryHeads, for example {2}");

    public static readonly SpecRule HeadDimRange = SpecRule.Error("KA0104", "Head dimension out of range",
        "headDim is {0}; it must be between {1} and {2}");

    public static readonly SpecRule ValueDimRange = SpecRule.Error("KA0105", "Value dimension out of range",
        "ValueDim is {0}; it must be between {1} and {2}, or left out to be the same as headDim");

    public static readonly SpecRule ScaleInvalid = SpecRule.Error("KA0106", "Scale is not a usable number",
        "Scale is {0}; it must be between {1} and {2}, or left out to be 1/√headDim{3}");

    public static readonly SpecRule UndefinedOption = SpecRule.Error("KA0107", "Value is not one of the option's",
        "{0} = {1} is not a value of {2}; use {3}");

    public static readonly SpecRule TileShape = SpecRule.Error("KA0108", "Tile cannot be shared out over a work-group",
        "{0} is {1}; it must be a power of two from {2} to {3}, or left out to be chosen by the planner");

    public static readonly SpecRule TileTooLarge = SpecRule.Error("KA0109", "Tile does not fit local memory",
        "A tile of {0} query rows by {1} keys at head dimension {2} takes {3} bytes of local memory; "
        + "the smallest device that the portable target allows has {4}. The planner's own choice is {5} query rows by {6} keys.");

    public static readonly SpecRule FewerQueryHeads = SpecRule.Error("KA0110", "More KV heads than query heads",
        "{0} query heads are fewer than {1} KV heads, and every KV head serves at least one query head; "
            + "set kvHeads to {0} or less, or swap the two");

    public static readonly SpecRule WindowRange = SpecRule.Error("KA0111", "Window out of range",
        "{0} is {1}; it must be between 0 and {2}, or left out (-1) for no limit");

    public static readonly SpecRule SoftcapInvalid = SpecRule.Error("KA0112", "Softcap is not a usable number",
        "Softcap is {0}; it must be between {1} and {2}, or left out (0) to be off");

    public static readonly SpecRule PageSizeRange = SpecRule.Error("KA0113", "Page size out of range",
        "PageSize is {0}; it must be between {1} and {2} tokens, or left out (0) for a contiguous cache");

    public static readonly SpecRule StorageIsForCaches = SpecRule.Error("KA0120", "Element type is for caches only",
        "Storage = {0} has scales beside its elements, which queries, new keys and values, and outputs have no place for; "
        + "leave Storage one of {1}, and set CacheStorage to {0} for a cache of that type");

    public static readonly SpecRule DimensionNotMultiple = SpecRule.Error("KA0121", "Dimension is not a multiple that the cache needs",
        "{0} is {1}; a {2} needs a multiple of {3}, for example {4}");

    public static readonly SpecRule RotaryDimInvalid = SpecRule.Error("KA0130", "Rotary dimension cannot be paired",
        "{0} elements of a head cannot turn in pairs; "
            + "RotaryDim must be an even number between {1} and {2}, or left out where headDim is even");

    public static readonly SpecRule LatentValueDimInvalid = SpecRule.Error("KA0131", "Latent row without a value in it",
        "A latent cache has a token's value in the first ValueDim elements of its one row of {0}; "
            + "set ValueDim to the latent rank, at most {0}");

    public static readonly SpecRule LatentScaleMissing = SpecRule.Error("KA0132", "Scale of latent attention missing",
        "The scale of latent attention does not follow from its width {0}; "
            + "set Scale to 1/√(nope + rope dimensions) of a head as it was before absorption");

    public static readonly SpecRule LatentCacheInIntegers = SpecRule.Error("KA0133", "Latent cache in integers",
        "A latent row is key and value at once and has no scale of its own for either, which {0} needs; "
            + "set CacheStorage to one of {1}, or leave it out");

    public static readonly SpecRule CacheWiderThanStorage = SpecRule.Warning("KA0201", "Cache is wider than what is put into it",
        "The cache keeps {0} but keys and values arrive as {1}: "
            + "the wider cache takes more memory and bandwidth and holds nothing more; leave CacheStorage out");

    public static readonly SpecRule OptionHasNoEffect = SpecRule.Info("KA0202", "Option repeats its default",
        "{0} = {1} is what the spec has without it; leave it out");

    public static readonly SpecRule CacheConvertsForNothing = SpecRule.Warning("KA0203", "Cache conversion saves no memory",
        "Keys and values arrive as {0} and the cache keeps {1}: "
            + "both take {2} bytes an element, so the conversion loses {3} and saves nothing; leave CacheStorage out");

    public static readonly SpecRule LayoutMakesNoDifference = SpecRule.Warning("KA0204", "Layout makes no difference with one KV head",
        "With 1 KV head {0} and {1} put every element at the same place; leave Layout out");

    public static readonly SpecRule WindowIsHidden = SpecRule.Warning("KA0205", "Window lies behind the mask",
        "With Mask = {0} no query sees a key to its right, so that WindowRight = {1} changes nothing; leave it out");

    public static readonly SpecRule RotaryDimWithoutRope = SpecRule.Warning("KA0210", "Rotary dimension without rope",
        "RotaryDim = {0} changes nothing while Rope is None; set Rope to the style of the checkpoint, or leave RotaryDim out");

    public static readonly IReadOnlyList<SpecRule> All =
    [
        QueryHeadsRange, KvHeadsRange, HeadsNotDivisible, HeadDimRange, ValueDimRange, ScaleInvalid, UndefinedOption,
        TileShape, TileTooLarge, FewerQueryHeads, WindowRange, SoftcapInvalid, PageSizeRange,
        StorageIsForCaches, DimensionNotMultiple, RotaryDimInvalid, LatentValueDimInvalid, LatentScaleMissing, LatentCacheInIntegers,
        CacheWiderThanStorage, OptionHasNoEffect, CacheConvertsForNothing, LayoutMakesNoDifference, WindowIsHidden, RotaryDimWithoutRope,
    ];
}
