using Kernels.Compiler.Emit;
using Kernels.Compiler.Targets;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Tests;

public sealed class EmittedTextTests
{
    [Fact]
    public void TextIsAsciiWithPlainLineEnds() => ForEachKernel((spec, target, algorithm) =>
    {
        string text = KernelEmitter.Emit(spec, target, algorithm);
        Assert.True(text.All(c => c is '\n' or (>= ' ' and <= '~')), $"{spec} {target} {algorithm}");
        Assert.EndsWith("}\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain(" \n", text, StringComparison.Ordinal);
        Assert.Contains("\nkernel __attribute__((reqd_work_group_size(", text, StringComparison.Ordinal);
    });

    [Fact]
    public void InstructionsOfSm90aStandBehindTheMarkThatTheRuntimeTakesAway()
    {
        int marked = 0;
        ForEachKernel((spec, target, algorithm) =>
        {
            string[] parts = KernelEmitter.Emit(spec, target, algorithm).Split("sm90a");
            marked += parts.Length - 1;
            Assert.All(Enumerable.Range(1, parts.Length - 1), i => Assert.EndsWith(
                KernelContract.Sm90aMarker, parts[i - 1][^Math.Min(parts[i - 1].Length, 3)..] + "sm90a" + parts[i][..1],
                StringComparison.Ordinal));
        });
        Assert.NotEqual(0, marked);
    }

    [Fact]
    public void WorkGroupsAreThoseOfThePlan() => ForEachKernel((spec, target, algorithm) =>
    {
        KernelPlan plan = Target.Of(target).Plan(spec);
        if ((algorithm switch { KernelAlgorithm.Prefill => plan.Prefill, KernelAlgorithm.Decode => plan.Decode, _ => null }) is { } tile)
        {
            Assert.Contains(
                $"reqd_work_group_size({tile.WorkGroupSize}, 1, 1)", KernelEmitter.Emit(spec, target, algorithm), StringComparison.Ordinal);
        }
    });

    [Fact]
    public void TextIsTheSameUnderAnotherCulture() => ForEachKernel((spec, target, algorithm) => Assert.Equal(
        KernelEmitter.Emit(spec, target, algorithm),
        Cultures.Under(Cultures.Foreign, () => KernelEmitter.Emit(spec with { }, target, algorithm))));

    [Fact]
    public void NameIsInTheFirstLineOnly()
    {
        string text = KernelEmitter.Emit(TestSpecs.Valid, KernelTarget.Portable, KernelAlgorithm.Decode);
        string another = KernelEmitter.Emit(TestSpecs.Valid with { Name = "Another" }, KernelTarget.Portable, KernelAlgorithm.Decode);
        Assert.StartsWith("// Another: ", another, StringComparison.Ordinal);
        Assert.Equal(text[text.IndexOf('\n')..], another[another.IndexOf('\n')..]);
    }

    [Fact]
    public void OptionsChangeTheText()
    {
        string plain = KernelEmitter.Emit(TestSpecs.Valid, KernelTarget.Portable, KernelAlgorithm.Prefill);
        AttentionSpec[] others =
        [
            TestSpecs.Valid with
            {
                Mask = AttentionMask.Causal,
            }, TestSpecs.Valid with { Scale = 0.3 }, TestSpecs.Valid with { WindowLeft = 5 },
            TestSpecs.Valid with { Softcap = 30 }, TestSpecs.Valid with { Alibi = true }, TestSpecs.Valid with { Sinks = true },
            TestSpecs.Valid with { Documents = true }, TestSpecs.Valid with { KeyPadding = true }, TestSpecs.Valid with { Bias = true },
            TestSpecs.Valid with { Rope = RopeStyle.HalfSplit }, TestSpecs.Valid with { Rope = RopeStyle.Interleaved },
            TestSpecs.Valid with
            {
                PageSize = 16,
            }, TestSpecs.Valid with { Layout = KvLayout.Nhd }, TestSpecs.Valid with { Storage = ElementType.BFloat16 },
            TestSpecs.Valid with
            {
                CacheStorage = ElementType.Int8,
            }, TestSpecs.Valid with { KeyTile = 8 }, TestSpecs.Valid with { ValueDim = 32 },
        ];
        Assert.All(others, spec => Assert.NotEqual(plain, KernelEmitter.Emit(spec, KernelTarget.Portable, KernelAlgorithm.Prefill)));
    }

    private static void ForEachKernel(Action<AttentionSpec, KernelTarget, KernelAlgorithm> check)
    {
        foreach (AttentionSpec spec in TestSpecs.Many())
        {
            foreach (KernelTarget target in Target.For(spec))
            {
                foreach (KernelAlgorithm algorithm in KernelEmitter.Algorithms)
                {
                    check(spec, target, algorithm);
                }
            }
        }
    }
}
