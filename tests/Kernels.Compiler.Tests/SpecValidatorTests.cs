using System.Globalization;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Tests;

public sealed class SpecValidatorTests
{
    /// <summary>
    /// A spec that breaks a rule: the option that is blamed, and texts that the message must have, its numbers among them.
    /// </summary>
    private sealed record Breach(SpecRule Rule, AttentionSpec Spec, string Option, params string[] Texts);

    private static readonly Breach[] Breaches =
    [
        new(SpecRules.QueryHeadsRange, TestSpecs.Valid with { QueryHeads = 0 }, "queryHeads", "0", "1", "1024"),
        new(SpecRules.QueryHeadsRange, TestSpecs.Valid with { QueryHeads = 1026 }, "queryHeads", "1026", "1024"),
        new(SpecRules.KvHeadsRange, TestSpecs.Valid with { KvHeads = -2 }, "kvHeads", "-2", "1", "1024"),
        new(SpecRules.HeadsNotDivisible, TestSpecs.Valid with { QueryHeads = 12, KvHeads = 5 }, "kvHeads", "12", "5", "4 or 6"),
        new(SpecRules.FewerQueryHeads, TestSpecs.Valid with { QueryHeads = 2, KvHeads = 8 }, "kvHeads", "2", "8"),
        new(SpecRules.HeadDimRange, TestSpecs.Valid with { HeadDim = 7 }, "headDim", "7", "8", "576"),
        new(SpecRules.HeadDimRange, TestSpecs.Valid with { HeadDim = 577 }, "headDim", "577", "576"),
        new(SpecRules.ValueDimRange, TestSpecs.Valid with { ValueDim = 600 }, "ValueDim", "600", "8", "512"),
        new(SpecRules.ScaleInvalid, TestSpecs.Valid with { Scale = -1 }, "Scale", "-1", "1E-30", "1E+30", "0.125"),
        new(SpecRules.ScaleInvalid, TestSpecs.Valid with { Scale = double.NaN }, "Scale", "NaN"),
        new(SpecRules.ScaleInvalid, TestSpecs.Valid with { Scale = double.PositiveInfinity }, "Scale", "Infinity"),
        new(SpecRules.UndefinedOption, TestSpecs.Valid with { Mask = (AttentionMask)9 }, "Mask", "9", "AttentionMask", "Causal"),
        new(SpecRules.UndefinedOption, TestSpecs.Valid with { Storage = (ElementType)77 }, "Storage", "77", "ElementType", "BFloat16"),
        new(SpecRules.UndefinedOption, TestSpecs.Valid with { CacheStorage = (ElementType)77 }, "CacheStorage", "77", "Int8"),
        new(SpecRules.UndefinedOption, TestSpecs.Valid with { Layout = (KvLayout)5 }, "Layout", "5", "Hnd, Nhd"),
        new(SpecRules.TileShape, TestSpecs.Valid with { QueryTile = 24 }, "QueryTile", "24", "4", "128"),
        new(SpecRules.TileShape, TestSpecs.Valid with { KeyTile = 512 }, "KeyTile", "512", "8", "256"),
        new(SpecRules.TileTooLarge, TestSpecs.Valid with { HeadDim = 256, QueryTile = 128 }, "QueryTile", "128", "256", "32768"),
        new(SpecRules.WindowRange, TestSpecs.Valid with { WindowLeft = -2 }, "WindowLeft", "-2", "1073741824"),
        new(SpecRules.WindowRange, TestSpecs.Valid with { WindowRight = int.MaxValue }, "WindowRight", "2147483647"),
        new(SpecRules.SoftcapInvalid, TestSpecs.Valid with { Softcap = -50 }, "Softcap", "-50", "1E-30", "1E+30"),
        new(SpecRules.SoftcapInvalid, TestSpecs.Valid with { Softcap = double.NaN }, "Softcap", "NaN"),
        new(SpecRules.PageSizeRange, TestSpecs.Valid with { PageSize = 257 }, "PageSize", "257", "1", "256"),
        new(SpecRules.PageSizeRange, TestSpecs.Valid with { PageSize = -16 }, "PageSize", "-16"),
        new(
            SpecRules.StorageIsForCaches, TestSpecs.Valid with
            {
                Storage = ElementType.Int8,
            }, "Storage", "Int8", "Float32, Float16, BFloat16"),
        new(
            SpecRules.DimensionNotMultiple, TestSpecs.Valid with
            {
                HeadDim = 40,
                CacheStorage = ElementType.Int4,
            }, "headDim", "40", "16", "32 or 48"),
        new(
            SpecRules.DimensionNotMultiple, TestSpecs.Valid with
            {
                ValueDim = 250,
                CacheStorage = ElementType.Int4,
            }, "ValueDim", "250", "240 or 256"),
        new(
            SpecRules.CacheWiderThanStorage, TestSpecs.Valid with
            {
                Storage = ElementType.Float16,
                CacheStorage = ElementType.Float32,
            }, "CacheStorage", "Float32", "Float16"),
        new(SpecRules.OptionHasNoEffect, TestSpecs.Valid with { ValueDim = 64 }, "ValueDim", "64"),
        new(SpecRules.OptionHasNoEffect, TestSpecs.Valid with { CacheStorage = ElementType.Float32 }, "CacheStorage", "Float32"),
        new(
            SpecRules.CacheConvertsForNothing, TestSpecs.Valid with
            {
                Storage = ElementType.Float16,
                CacheStorage = ElementType.BFloat16,
            }, "CacheStorage", "Float16", "BFloat16", "2 bytes", "precision"),
        new(
            SpecRules.CacheConvertsForNothing, TestSpecs.Valid with
            {
                Storage = ElementType.BFloat16,
                CacheStorage = ElementType.Float16,
            }, "CacheStorage", "range"),
        new(SpecRules.LayoutMakesNoDifference, TestSpecs.Valid with { KvHeads = 1, Layout = KvLayout.Nhd }, "Layout", "Nhd", "Hnd"),
        new(SpecRules.RotaryDimInvalid, TestSpecs.Valid with { Rope = RopeStyle.HalfSplit, RotaryDim = 31 }, "RotaryDim", "31", "2", "64"),
        new(SpecRules.RotaryDimInvalid, TestSpecs.Valid with { Rope = RopeStyle.Interleaved, RotaryDim = -2 }, "RotaryDim", "-2"),
        new(SpecRules.RotaryDimInvalid, TestSpecs.Valid with { Rope = RopeStyle.HalfSplit, HeadDim = 111 }, "Rope", "111", "110"),
        new(SpecRules.LatentValueDimInvalid, TestSpecs.Valid with { LatentCache = true, Scale = 0.2 }, "LatentCache", "64"),
        new(SpecRules.LatentValueDimInvalid, TestSpecs.Valid with { LatentCache = true, Scale = 0.2, ValueDim = 80 }, "ValueDim", "64"),
        new(SpecRules.LatentScaleMissing, TestSpecs.Valid with { LatentCache = true, ValueDim = 48 }, "LatentCache", "64"),
        new(
            SpecRules.LatentCacheInIntegers, TestSpecs.Valid with
            {
                LatentCache = true,
                ValueDim = 48,
                Scale = 0.2,
                CacheStorage = ElementType.Int8,
            }, "CacheStorage", "Int8", "Float32, Float16, BFloat16, Float8E4M3"),
        new(
            SpecRules.LatentCacheInIntegers, TestSpecs.Valid with
            {
                LatentCache = true,
                ValueDim = 48,
                Scale = 0.2,
                CacheStorage = ElementType.Int4,
            }, "CacheStorage", "Int4", "Float8E4M3"),
        new(
            SpecRules.DimensionNotMultiple, TestSpecs.Valid with
            {
                LatentCache = true,
                HeadDim = 80,
                ValueDim = 64,
                Scale = 0.2,
                CacheStorage = ElementType.Float8E4M3,
            }, "ValueDim", "64", "latent cache in Float8E4M3", "128"),
        new(
            SpecRules.DimensionNotMultiple, TestSpecs.Valid with
            {
                LatentCache = true,
                HeadDim = 576,
                ValueDim = 500,
                Scale = 0.2,
                CacheStorage = ElementType.Float8E4M3,
            }, "ValueDim", "500", "384 or 512"),
        new(
            SpecRules.DimensionNotMultiple, TestSpecs.Valid with
            {
                LatentCache = true,
                HeadDim = 175,
                ValueDim = 128,
                Scale = 0.2,
                CacheStorage = ElementType.Float8E4M3,
            }, "headDim", "175", "174 or 176"),
        new(SpecRules.RotaryDimWithoutRope, TestSpecs.Valid with { RotaryDim = 32 }, "RotaryDim", "32"),
        new(SpecRules.UndefinedOption, TestSpecs.Valid with { Rope = (RopeStyle)5 }, "Rope", "5", "None, HalfSplit, Interleaved"),
        new(SpecRules.WindowIsHidden, TestSpecs.Valid with { Mask = AttentionMask.Causal, WindowRight = 3 }, "WindowRight", "Causal", "3"),
    ];

    public static TheoryData<int, string> Cases
    {
        get
        {
            var data = new TheoryData<int, string>();
            for (int i = 0; i < Breaches.Length; i++)
            {
                data.Add(i, $"{Breaches[i].Rule.Id} {Breaches[i].Rule.Title}");
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void BreachIsTheOnlyFinding(int index, string title)
    {
        Breach breach = Breaches[index];
        SpecFinding finding = Assert.Single(SpecValidator.Validate(breach.Spec));
        Assert.StartsWith(finding.Rule.Id, title, StringComparison.Ordinal);
        Assert.Same(breach.Rule, finding.Rule);
        Assert.Equal(breach.Option, finding.Option);
        Assert.All(breach.Texts, text => Assert.Contains(text, finding.Message, StringComparison.Ordinal));
        Assert.DoesNotContain("{", finding.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void FixesSurviveTheWayThroughText(int index, string title)
    {
        Assert.NotEmpty(title);
        SpecFinding finding = SpecValidator.Validate(Breaches[index].Spec).Single();
        Assert.NotEmpty(finding.Fixes);
        Assert.All(finding.Fixes, fix => Assert.Equal(fix, SpecFix.Parse(fix.Serialize())));
    }

    [Fact]
    public void EveryRuleIsInTheTable() =>
        Assert.Equal(SpecRules.All.Select(rule => rule.Id).Order(), Breaches.Select(breach => breach.Rule.Id).Distinct().Order());

    [Fact]
    public void IdsAreUniqueAndTellTheSeverity()
    {
        Assert.Equal(SpecRules.All.Count, SpecRules.All.Select(rule => rule.Id).Distinct().Count());
        Assert.All(
            SpecRules.All, rule => Assert.StartsWith(
                rule.Severity == RuleSeverity.Error ? "KA01" : "KA02", rule.Id, StringComparison.Ordinal));
    }

    [Fact]
    public void ValidSpecsHaveNoError() => Assert.All(TestSpecs.Many(), spec =>
        Assert.DoesNotContain(SpecValidator.Validate(spec), finding => finding.Rule.Severity == RuleSeverity.Error));

    [Fact]
    public void MessagesDoNotDependOnTheCulture()
    {
        AttentionSpec spec = TestSpecs.Valid with { Scale = -1.5 };
        string expected = SpecValidator.Validate(spec).Single().Message;
        Assert.Contains("-1.5", expected, StringComparison.Ordinal);
        Assert.Equal(expected, Cultures.Under(Cultures.Foreign, () => SpecValidator.Validate(spec).Single().Message));
    }

    [Fact]
    public void LargestTileThatIsOfferedFits()
    {
        SpecFinding finding = SpecValidator.Validate(TestSpecs.Valid with { HeadDim = 256, QueryTile = 128 }).Single();
        OptionChange change = finding.Fixes[0].Changes.Single();
        Assert.Equal("QueryTile", change.Option);
        int size = int.Parse(change.Value, CultureInfo.InvariantCulture);
        Assert.Empty(SpecValidator.Validate(TestSpecs.Valid with { HeadDim = 256, QueryTile = size }));
        Assert.NotEmpty(SpecValidator.Validate(TestSpecs.Valid with { HeadDim = 256, QueryTile = 2 * size }));
    }
}
