using Kernels.Compiler.Targets;
using Kernels.Compiler.Targets.Portable;
using static Kernels.Compiler.Specs.SpecReport;

namespace Kernels.Compiler.Specs;

/// <summary>Holds a spec against every rule. The analyzer shows the findings; the generator emits nothing while one is an error.</summary>
internal static class SpecValidator
{
    public static IReadOnlyList<SpecFinding> Validate(AttentionSpec spec)
    {
        var report = new SpecReport();
        bool heads = report.IsInRange(spec.QueryHeads, SpecLimits.MinHeads, SpecLimits.MaxHeads, SpecRules.QueryHeadsRange, "queryHeads")
            & report.IsInRange(spec.KvHeads, SpecLimits.MinHeads, SpecLimits.MaxHeads, SpecRules.KvHeadsRange, "kvHeads");
        heads = heads && HeadsAreShared();
        bool headDim = report.IsInRange(spec.HeadDim, SpecLimits.MinDim, SpecLimits.MaxHeadDim, SpecRules.HeadDimRange, "headDim");
        bool valueDim = spec.ValueDim == 0
            || report.IsInRange(spec.ValueDim, SpecLimits.MinDim, SpecLimits.MaxValueDim,
                SpecRules.ValueDimRange, "ValueDim", SpecFix.LeaveOut("ValueDim"));
        if (spec.Scale != 0 && !IsBetween(spec.Scale, SpecLimits.MinScale, SpecLimits.MaxScale))
        {
            report.Add(SpecRules.ScaleInvalid, "Scale", [SpecFix.LeaveOut("Scale")],
                Text(spec.Scale), Text(SpecLimits.MinScale), Text(SpecLimits.MaxScale),
                headDim ? " = " + Text(1 / Math.Sqrt(spec.HeadDim)) : "");
        }

        foreach (AttentionOption option in AttentionShape.Options)
        {
            option.Validate(spec, report);
        }

        if (spec.PageSize != 0)
        {
            report.IsInRange(spec.PageSize, SpecLimits.MinPageSize, SpecLimits.MaxPageSize,
                SpecRules.PageSizeRange, "PageSize", SpecFix.LeaveOut("PageSize"));
        }

        bool types = report.IsDefined(spec.Storage, "Storage", type => type.Scale() == CacheScale.None)
            & (spec.CacheStorage is null || report.IsDefined(spec.CacheStorage.Value, "CacheStorage"))
            & report.IsDefined(spec.Layout, "Layout");
        if (spec.LatentCache && headDim && valueDim)
        {
            RowsAreLatent();
        }

        bool tiles = Tile(spec.QueryTile, "QueryTile", SpecLimits.MinQueryTile, SpecLimits.MaxQueryTile)
            & Tile(spec.KeyTile, "KeyTile", SpecLimits.MinKeyTile, SpecLimits.MaxKeyTile);

        if (headDim && valueDim && tiles)
        {
            FitsLocalMemory();
        }

        if (types && StorageHoldsPlainNumbers())
        {
            CacheTypeMakesSense();
        }

        if (types && spec.ResolvedCacheStorage == ElementType.Int4 && !spec.LatentCache)
        {
            SpecFix toInt8 = SpecFix.Set("CacheStorage", $"{nameof(ElementType)}.{ElementType.Int8}");
            IsMultiple(spec.HeadDim, headDim, "headDim", SpecLimits.Int4DimMultiple, SpecLimits.MaxHeadDim, toInt8);
            IsMultiple(spec.ValueDim, valueDim && spec.ValueDim != 0, "ValueDim",
                SpecLimits.Int4DimMultiple, SpecLimits.MaxHeadDim, toInt8);
        }

        if (types && spec.CacheScale == CacheScale.PerGroup && valueDim && spec.ValueDim != 0 && spec.ValueDim <= spec.HeadDim)
        {
            SpecFix plain = SpecFix.LeaveOut("CacheStorage");
            if (IsMultiple(spec.ValueDim, true, "ValueDim", SpecLimits.LatentFloat8ValueMultiple, SpecLimits.MaxValueDim, plain))
            {
                IsMultiple(spec.HeadDim, headDim, "headDim", SpecLimits.LatentFloat8DimMultiple, SpecLimits.MaxHeadDim, plain);
            }
        }

        if (headDim && valueDim && spec.ValueDim == spec.HeadDim && !spec.LatentCache)
        {
            report.Add(SpecRules.OptionHasNoEffect, "ValueDim", [SpecFix.LeaveOut("ValueDim")], "ValueDim", Text(spec.ValueDim));
        }

        if (spec.KvHeads == 1 && spec.Layout == KvLayout.Nhd)
        {
            report.Add(SpecRules.LayoutMakesNoDifference, "Layout", [SpecFix.LeaveOut("Layout")],
                nameof(KvLayout.Nhd), nameof(KvLayout.Hnd));
        }

        return report.Findings;

        bool HeadsAreShared()
        {
            if (spec.QueryHeads < spec.KvHeads)
            {
                var fixes = new List<SpecFix> { SpecFix.Set("kvHeads", Text(spec.QueryHeads)) };
                if (spec.KvHeads % spec.QueryHeads == 0)
                {
                    fixes.Add(new SpecFix(new EquatableArray<OptionChange>(
                    [
                        new OptionChange("queryHeads", Text(spec.KvHeads)),
                        new OptionChange("kvHeads", Text(spec.QueryHeads)),
                    ])));
                }

                report.Add(SpecRules.FewerQueryHeads, "kvHeads", fixes, Text(spec.QueryHeads), Text(spec.KvHeads));
                return false;
            }

            if (spec.QueryHeads % spec.KvHeads != 0)
            {
                string[] divisors = NearestDivisors(spec.QueryHeads, spec.KvHeads);
                report.Add(SpecRules.HeadsNotDivisible, "kvHeads", divisors.Select(divisor => SpecFix.Set("kvHeads", divisor)),
                    Text(spec.QueryHeads), Text(spec.KvHeads), string.Join(" or ", divisors));
                return false;
            }

            return true;
        }

        bool Tile(int value, string option, int min, int max)
        {
            if (value == 0 || (value >= min && value <= max && (value & (value - 1)) == 0))
            {
                return true;
            }

            int nearest = min;
            while (nearest < max && nearest * 2 <= value)
            {
                nearest *= 2;
            }

            report.Add(SpecRules.TileShape, option, [SpecFix.Set(option, Text(nearest)), SpecFix.LeaveOut(option)],
                option, Text(value), Text(min), Text(max));
            return false;
        }

        void FitsLocalMemory()
        {
            TilePlan tile = PortablePlanner.PlanPrefill(spec);
            if (Fits(spec))
            {
                return;
            }

            // One option alone is to blame if making it smaller is enough; the larger of the two is tried first.
            string[] asked = spec.KeyTile > spec.QueryTile ? ["KeyTile", "QueryTile"] : ["QueryTile", "KeyTile"];
            asked = asked.Where(option => (option == "KeyTile" ? spec.KeyTile : spec.QueryTile) != 0).ToArray();
            string blamed = asked[0];
            var fixes = new List<SpecFix>();
            foreach (string option in asked)
            {
                int fitting = LargestFitting(option);
                if (fitting == 0)
                {
                    continue;
                }

                blamed = fixes.Count == 0 ? option : blamed;
                fixes.Add(SpecFix.Set(option, Text(fitting)));
                fixes.Add(SpecFix.LeaveOut(option));
            }

            if (fixes.Count == 0)
            {
                fixes.Add(SpecFix.LeaveOut(asked));
            }

            TilePlan best = PortablePlanner.PlanPrefill(spec with { QueryTile = 0, KeyTile = 0 });
            report.Add(SpecRules.TileTooLarge, blamed, fixes,
                Text(tile.Rows), Text(tile.Keys), Text(Math.Max(spec.HeadDim, spec.ResolvedValueDim)), Text(tile.LocalBytes),
                Text(SpecLimits.PortableLocalBytes), Text(best.Rows), Text(best.Keys));
        }

        int LargestFitting(string option)
        {
            bool keys = option == "KeyTile";
            int smallest = keys ? SpecLimits.MinKeyTile : SpecLimits.MinQueryTile;
            for (int size = (keys ? spec.KeyTile : spec.QueryTile) / 2; size >= smallest; size /= 2)
            {
                if (Fits(keys ? spec with { KeyTile = size } : spec with { QueryTile = size }))
                {
                    return size;
                }
            }

            return 0;
        }

        bool StorageHoldsPlainNumbers()
        {
            if (spec.Storage.Scale() == CacheScale.None)
            {
                return true;
            }

            string[] plain = Enum.GetValues(typeof(ElementType)).Cast<ElementType>()
                .Where(type => type.Scale() == CacheScale.None)
                .Select(type => type.ToString())
                .ToArray();
            OptionChange[] toCache = spec.CacheStorage is null
                ? [new OptionChange("CacheStorage", $"{nameof(ElementType)}.{spec.Storage}")]
                : [];
            report.Add(SpecRules.StorageIsForCaches, "Storage",
                plain.Select(type => new SpecFix(new EquatableArray<OptionChange>(
                    [new OptionChange("Storage", $"{nameof(ElementType)}.{type}"), .. toCache]))),
                spec.Storage.ToString(), string.Join(", ", plain));
            return false;
        }

        void RowsAreLatent()
        {
            if (spec.ValueDim == 0 || spec.ValueDim > spec.HeadDim)
            {
                report.Add(SpecRules.LatentValueDimInvalid, spec.ValueDim == 0 ? "LatentCache" : "ValueDim",
                    [SpecFix.Set("ValueDim", Text(Math.Min(spec.HeadDim, SpecLimits.MaxValueDim)))], Text(spec.HeadDim));
            }

            if (spec.Scale == 0)
            {
                report.Add(SpecRules.LatentScaleMissing, "LatentCache", [SpecFix.LeaveOut("LatentCache")], Text(spec.HeadDim));
            }

            if (spec.CacheStorage is { } cache && spec.CacheScale == CacheScale.PerToken)
            {
                bool groups = spec.ValueDim % SpecLimits.LatentFloat8ValueMultiple == 0
                    && spec.HeadDim % SpecLimits.LatentFloat8DimMultiple == 0;
                report.Add(SpecRules.LatentCacheInIntegers, "CacheStorage",
                    [.. groups ? [SpecFix.Set("CacheStorage", $"{nameof(ElementType)}.{ElementType.Float8E4M3}")] : Array.Empty<SpecFix>(),
                        SpecFix.LeaveOut("CacheStorage")],
                    cache.ToString(),
                    string.Join(", ",
                        Enum.GetValues(typeof(ElementType)).Cast<ElementType>()
                            .Where(type => type.Scale(latentCache: true) != CacheScale.PerToken)));
            }
        }

        bool IsMultiple(int dim, bool known, string option, int multiple, int max, SpecFix otherCache)
        {
            if (!known || dim % multiple == 0)
            {
                return true;
            }

            int[] nearest = [
                .. new[] { dim / multiple * multiple, ((dim / multiple) + 1) * multiple }
                    .Where(size => size >= SpecLimits.MinDim && size <= max)];
            report.Add(SpecRules.DimensionNotMultiple, option,
                [otherCache,
                    .. nearest.Where(size => !spec.LatentCache || size <= spec.HeadDim || option == "headDim")
                        .Select(size => SpecFix.Set(option, Text(size)))],
                option, Text(dim), $"{(spec.LatentCache ? "latent " : "")}cache in {spec.ResolvedCacheStorage}",
                Text(multiple), string.Join(" or ", nearest.Select(Text)));
            return false;
        }

        void CacheTypeMakesSense()
        {
            ElementType cache = spec.ResolvedCacheStorage;
            SpecFix[] leaveOut = [SpecFix.LeaveOut("CacheStorage")];
            if (spec.CacheStorage == spec.Storage)
            {
                report.Add(SpecRules.OptionHasNoEffect, "CacheStorage", leaveOut, "CacheStorage", cache.ToString());
            }
            else if (cache.BitsPerElement() > spec.Storage.BitsPerElement())
            {
                report.Add(SpecRules.CacheWiderThanStorage, "CacheStorage", leaveOut, cache.ToString(), spec.Storage.ToString());
            }
            else if (cache != spec.Storage && cache.BitsPerElement() == spec.Storage.BitsPerElement())
            {
                report.Add(SpecRules.CacheConvertsForNothing, "CacheStorage", leaveOut,
                    spec.Storage.ToString(), cache.ToString(), Text(cache.SizeInBytes()),
                    cache == ElementType.Float16 ? "range" : "precision");
            }
        }
    }

    private static bool Fits(AttentionSpec spec) => PortablePlanner.PlanPrefill(spec).LocalBytes <= SpecLimits.PortableLocalBytes;

    /// <summary>
    /// The divisors of <paramref name="heads"/> just below and just above <paramref name="wanted"/>, which is less than it.
    /// </summary>
    private static string[] NearestDivisors(int heads, int wanted)
    {
        IEnumerable<int> divisors = Enumerable.Range(1, heads).Where(divisor => heads % divisor == 0);
        return [Text(divisors.Last(divisor => divisor < wanted)), Text(divisors.First(divisor => divisor > wanted))];
    }

    /// <summary>False for NaN.</summary>
    private static bool IsBetween(double value, double min, double max) => value >= min && value <= max;
}
