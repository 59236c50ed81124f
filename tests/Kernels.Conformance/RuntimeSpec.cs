extern alias compiler;

using System.Collections.Concurrent;
using System.Text;
using compiler::Kernels.Compiler.Emit;
using compiler::Kernels.Compiler.Targets;
using compiler::Kernels.Compiler.Specs;
using CompilerTypes = compiler::Kernels;

namespace Kernels.Conformance;

/// <summary>
/// A spec made at run time: the generator's compiler called directly, so that one binary can test any shape. Stands in for
/// the type that would carry the attribute.
/// </summary>
internal sealed class RuntimeSpec
{
    /// <summary>The descriptor that the generator would write for this shape.</summary>
    /// <exception cref="ArgumentException">The validator refuses the shape.</exception>
    public static AttentionDescriptor Describe(AttentionShape shape, int queryTile = 0, int keyTile = 0)
    {
        var spec = new AttentionSpec(
            "Conformance", shape.QueryHeads, shape.KvHeads, shape.HeadDim, shape.ValueDim, shape.Scale,
            (CompilerTypes.AttentionMask)shape.Mask, (CompilerTypes.ElementType)shape.Storage,
            (CompilerTypes.ElementType)shape.CacheStorage, (CompilerTypes.KvLayout)shape.Layout, queryTile, keyTile)
        {
            WindowLeft = shape.WindowLeft ?? -1, WindowRight = shape.WindowRight ?? -1, Softcap = shape.Softcap ?? 0, Alibi = shape.Alibi, Sinks = shape.Sinks,
            Documents = shape.Documents, KeyPadding = shape.KeyPadding, Bias = shape.Bias, Rope = (CompilerTypes.RopeStyle)shape.Rope, RotaryDim = shape.RotaryDim, LatentCache = shape.LatentCache, Deterministic = shape.Deterministic, PageSize = shape.PageSize,
        };
        SpecFinding[] errors = SpecValidator.Validate(spec).Where(finding => finding.Rule.Severity == RuleSeverity.Error).ToArray();
        if (errors.Length > 0)
        {
            throw new ArgumentException(string.Join("; ", errors.Select(finding => finding.Message)));
        }

        var sources = new ConcurrentDictionary<(KernelTarget, KernelAlgorithm), byte[]>();
        return new AttentionDescriptor(
            shape.ToString(),
            shape,
            Target.For(spec).Select(target => (KernelTarget)target).ToArray(),
            target =>
            {
                KernelPlan plan = Target.Of((CompilerTypes.KernelTarget)target).Plan(spec);
                return new KernelGeometry(target, Tile(plan.Prefill), Tile(plan.Decode), plan.AppendWorkGroupSize, plan.CombineWorkGroupSize)
                {
                    PrefillVariants = [.. plan.PrefillVariants.Select(Tile)],
                };
            },
            (target, algorithm) => sources.GetOrAdd((target, algorithm), key => Encoding.UTF8.GetBytes(
                KernelEmitter.Emit(spec, (CompilerTypes.KernelTarget)key.Item1, (CompilerTypes.KernelAlgorithm)key.Item2))));

        static TileGeometry Tile(TilePlan tile) => new(tile.Rows, tile.Keys, tile.WorkGroupSize, tile.LocalBytes, tile.GroupsPerUnit, tile.MergesSplits, tile.KvHeads);
    }
}
