extern alias compiler;

using System.Collections.Concurrent;
using System.Text;
using compiler::Kernels.Compiler.Emit;
using compiler::Kernels.Compiler.Specs;
using compiler::Kernels.Compiler.Targets;
using CompilerTypes = compiler::Kernels;

namespace Kernels;

/// <summary>
/// Compiles specs that are known only when a program runs, by the same validator, planner and emitter as the source generator. For specs
/// that are known before, a type with <see cref="AttentionKernelAttribute"/> is the better way: its errors come while typing. A kernel's
/// text is emitted when it is first asked for.
/// </summary>
public static class SpecCompiler
{
    /// <summary>What the generator would write for this shape.</summary>
    /// <param name="shape">The spec, with every number given; mods need the generator.</param>
    /// <param name="name">Its name, for messages.</param>
    /// <exception cref="ArgumentException">The validator refuses the shape; the message says why, or the shape has mods.</exception>
    public static AttentionDescriptor Describe(AttentionShape shape, string name) => Describe(shape, name, queryTile: 0, keyTile: 0);

    /// <summary>As the other, with tiles of one's own; 0: as planned.</summary>
    internal static AttentionDescriptor Describe(AttentionShape shape, string name, int queryTile, int keyTile)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (shape.HasMods)
        {
            throw new ArgumentException(
                "Mods are C# that the source generator translates; a shape alone does not have them.", nameof(shape));
        }

        var spec = new AttentionSpec(
            name, shape.QueryHeads, shape.KvHeads, shape.HeadDim, shape.ValueDim, shape.Scale,
            (CompilerTypes.AttentionMask)shape.Mask, (CompilerTypes.ElementType)shape.Storage,
            (CompilerTypes.ElementType)shape.CacheStorage, (CompilerTypes.KvLayout)shape.Layout, queryTile, keyTile)
        {
            WindowLeft = shape.WindowLeft ?? -1,
            WindowRight = shape.WindowRight ?? -1,
            Softcap = shape.Softcap ?? 0,
            Alibi = shape.Alibi,
            Sinks = shape.Sinks,
            Documents = shape.Documents,
            KeyPadding = shape.KeyPadding,
            Bias = shape.Bias,
            Rope = (CompilerTypes.RopeStyle)shape.Rope,
            RotaryDim = shape.RotaryDim,
            LatentCache = shape.LatentCache,
            Deterministic = shape.Deterministic,
            PageSize = shape.PageSize,
        };
        SpecFinding[] errors = [.. SpecValidator.Validate(spec).Where(finding => finding.Rule.Severity == RuleSeverity.Error)];
        if (errors.Length > 0)
        {
            throw new ArgumentException(string.Join("; ", errors.Select(finding => finding.Message)), nameof(shape));
        }

        var sources = new ConcurrentDictionary<(KernelTarget, KernelAlgorithm), byte[]>();
        return new AttentionDescriptor(
            name,
            shape,
            [.. Target.For(spec).Select(target => (KernelTarget)target)],
            target =>
            {
                KernelPlan plan = Target.Of((CompilerTypes.KernelTarget)target).Plan(spec);
                return new KernelGeometry(
                    target, Tile(plan.Prefill), Tile(plan.Decode), plan.AppendWorkGroupSize, plan.CombineWorkGroupSize)
                {
                    PrefillVariants = [.. plan.PrefillVariants.Select(Tile)],
                };
            },
            (target, algorithm) => sources.GetOrAdd((target, algorithm), key => Encoding.UTF8.GetBytes(
                KernelEmitter.Emit(spec, (CompilerTypes.KernelTarget)key.Item1, (CompilerTypes.KernelAlgorithm)key.Item2))));

        static TileGeometry Tile(TilePlan tile) =>
            new(tile.Rows, tile.Keys, tile.WorkGroupSize, tile.LocalBytes, tile.GroupsPerUnit, tile.MergesSplits, tile.KvHeads);
    }
}
