using Kernels.OpenCL;

namespace Kernels.Conformance.Tests.Mods;

/// <summary>A block mask changes no bit of what a mask mod gives, and leaves out what the mod hides.</summary>
[Collection(DeviceCollection.Name)]
public sealed class BlockMaskTests(DeviceFixture fixture)
{
    private static readonly (int, int)[] Prompts = [(1200, 1200), (130, 700), (1, 1100), (2, 33), (0, 5), (3, 0)];

    public static TheoryData<KernelTarget> Targets => [KernelTarget.Cpu, KernelTarget.Portable];

    [SkippableTheory]
    [MemberData(nameof(Targets))]
    public void A_window_leaves_out_most_tiles(KernelTarget target)
    {
        const int Left = 200;
        var attention = new WideWindow(fixture.Device, target);
        using GeneratedKernels<WideWindow, float> kernels = GeneratedKernels.Contiguous<WideWindow, float>(
            attention, _ => new WideWindow.Inputs { Left = Left });
        (TileCounts counts, string? failure) = BlockMaskCheck.Run(
            new(WideWindow.Descriptor.Shape, Prompts, Seed: 8), kernels,
            new() { MaskMod = (batch, head, query, key) => WideWindow.Visible(batch, head, query, key, Left) },
            WideWindow.Descriptor, target);
        Assert.Null(failure);

        // Of the long prompt's keys a query sees 201 of 600 on average.
        Assert.InRange((double)counts.Empty / counts.Total, 0.5, 0.95);
        Assert.True(counts.Full > 0);
    }

    [SkippableTheory]
    [MemberData(nameof(Targets))]
    public void Heads_have_classes_of_their_own(KernelTarget target)
    {
        int[] documents = [.. Enumerable.Range(0, 1200).Select(token => token / 300)];
        using DeviceBuffer<int> onDevice = fixture.Device.Upload<int>(documents);
        var attention = new HeadBlocks(fixture.Device, target);
        using GeneratedKernels<HeadBlocks, Half> kernels = GeneratedKernels.Paged<HeadBlocks, Half>(
            attention, inputs => new HeadBlocks.Inputs { Sinks = inputs.Sinks!, Documents = onDevice });
        (TileCounts counts, string? failure) = BlockMaskCheck.Run(
            new(HeadBlocks.Descriptor.Shape, Prompts, Seed: 8), kernels,
            new()
            {
                ScoreMod = HeadBlocks.Tilted,
                MaskMod = (batch, head, query, key) => HeadBlocks.Visible(batch, head, query, key, documents),
            },
            HeadBlocks.Descriptor, target);
        Assert.Null(failure);
        Assert.Equal(2, HeadBlocks.Descriptor.BlockMaskHeads);
        Assert.Equal(1, WideWindow.Descriptor.BlockMaskHeads);
        Assert.True(counts is { Empty: > 0, Partial: > 0, Full: > 0 }, counts.ToString());
    }

    [SkippableFact]
    public void A_mask_serves_steps_of_the_same_lengths_and_no_others()
    {
        using var attention = new WideWindow(fixture.Device);
        var inputs = new WideWindow.Inputs { Left = 3 };
        using KvCache<WideWindow> cache = attention.CreateCache(2, 40);
        SequenceHandle[] s = cache.AddSequences(2);
        cache.Extend(s[0], 40);
        cache.Extend(s[1], 40);
        cache.MarkWritten(s[0]);
        cache.MarkWritten(s[1]);
        using AttentionPlan<WideWindow> plan = attention.CreatePlan(), other = attention.CreatePlan();
        plan.Build(cache, [new(s[0], 30, 40)]);
        using BlockMask<WideWindow> mask = attention.CreateBlockMask(plan, inputs);
        Assert.True(mask.Fits(plan));
        Assert.Throws<ArgumentException>("plan", () => attention.CreateBlockMask(other, inputs));
        Assert.Throws<ArgumentException>("plan", () => mask.Build(other, inputs));
        Assert.True(mask.Fits(plan));
        other.Build(cache, [new(s[1], 30, 40)]);
        Assert.True(mask.Fits(other));
        other.Build(cache, [new(s[1], 29, 40)]);
        Assert.False(mask.Fits(other));
        other.Build(cache, [new(s[0], 30, 40), new(s[1], 1, 40)]);
        Assert.False(mask.Fits(other));

        var masked = new WideWindow.Inputs { Left = 3, BlockMask = mask };
        using DeviceBuffer<float> queries = fixture.Device.Upload<float>(new float[31 * 4 * 32]), outputs = fixture.Device.Upload<float>(
            new float[31 * 4 * 32]);
        Assert.Throws<ArgumentException>(() => attention.EnqueueAttend(other, cache, 0, queries, outputs, masked));
        mask.Build(other, inputs);
        Assert.True(mask.Fits(other));
        Assert.False(mask.Fits(plan));
        attention.EnqueueAttend(other, cache, 0, queries, outputs, masked).Dispose();
        fixture.Device.Queue.Finish();
        mask.Dispose();
        Assert.Throws<ObjectDisposedException>(() => attention.EnqueueAttend(other, cache, 0, queries, outputs, masked));
    }
}
