using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Targets.Sm80;

/// <summary>What the forms for NVIDIA's tensor cores have in common.</summary>
internal abstract class Sm80Flash(KernelContext context) : FlashSteps
{
    protected KernelContext Context => context;

    protected AttentionSpec Spec => context.Spec;

    public override Holes Fill(Holes around)
    {
        // A scale that all keys of a head share is a variable.
        string scale = context.Cache.Scale == CacheScale.PerHead ? "score_scale" : "SCALE";
        return new(around, isShared: true)
        {
            // Types: the queries' in the names of instructions, and what a quantised cache has.
            { "element", Spec.Storage == ElementType.Float16 ? "f16" : "bf16" },
            { "half", Spec.Storage == ElementType.Float16 },
            { "quantised", IsQuantised },
            { "expand_function", context.Cache.ExpandFunction },
            { "converts_float8", context.Plan.Target == KernelTarget.Sm90 },

            // Pieces of 16 bytes of a row as it is in the cache, and the registers of 16-bit elements that one of the cache's becomes.
            { "key_pieces", KeyPieces },
            { "value_pieces", ValuePieces },
            { "registers", Sm80Planner.PieceElements(Spec) / 8 },

            // The factor on products of queries and keys, and the same where the spec's steps have not applied it.
            { "score_scale", scale },
            { "times_scale", context.Rules.Transforms ? "" : $" * {scale}" },
        };
    }

    protected bool IsQuantised => context.Cache.Scale != CacheScale.None;

    protected int KeyPieces => Spec.HeadDim / Sm80Planner.PieceElements(Spec);

    protected int ValuePieces => Spec.ResolvedValueDim / Sm80Planner.PieceElements(Spec);
}
