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
        using var attention = new WideWindow(fixture.Device, target) { Inputs = new(Left) };
        using KvCache<WideWindow> cache = attention.CreateCache(Prompts.Length, 1200);
        TileCounts counts = Check<WideWindow, float>(
            attention, cache, i => i, attention.CreateBlockMask, mask => attention.BlockMask = mask, attention.Target,
            (batch, head, position, key) => WideWindow.Visible(batch, head, Math.Max(0, position), key, Left));

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
        using DeviceBuffer<float> sinks = fixture.Device.Upload<float>([0.5f, -1, 2, 0]);
        using var attention = new HeadBlocks(fixture.Device, target) { Inputs = new(onDevice), Sinks = sinks };
        using PagedKvCache<HeadBlocks> cache = attention.CreateCache(Prompts.Sum(pair => (pair.Item2 + 15) / 16));
        int[] sequences = [.. Prompts.Select(_ => cache.Create())];
        TileCounts counts = Check<HeadBlocks, Half>(
            attention, cache, i => sequences[i], attention.CreateBlockMask, mask => attention.BlockMask = mask, attention.Target,
            (batch, head, position, key) => key <= position && HeadBlocks.Visible(batch, head, Math.Max(0, position), key, documents));
        Assert.Equal(2, HeadBlocks.Descriptor.BlockMaskHeads);
        Assert.Equal(1, WideWindow.Descriptor.BlockMaskHeads);
        Assert.True(counts is { Empty: > 0, Partial: > 0, Full: > 0 }, counts.ToString());
    }

    [SkippableFact]
    public void A_mask_serves_steps_of_the_same_lengths_and_no_others()
    {
        using var attention = new WideWindow(fixture.Device) { Inputs = new(3) };
        using KvCache<WideWindow> cache = attention.CreateCache(2, 40);
        cache.Extend(0, 40);
        cache.Extend(1, 40);
        using AttentionPlan<WideWindow> plan = attention.CreatePlan(), other = attention.CreatePlan();
        plan.Build(cache, [new(0, 30, 40)]);
        using BlockMask<WideWindow> mask = attention.CreateBlockMask(plan);
        Assert.True(mask.Fits(plan));
        other.Build(cache, [new(1, 30, 40)]);
        Assert.True(mask.Fits(other));
        other.Build(cache, [new(1, 29, 40)]);
        Assert.False(mask.Fits(other));
        other.Build(cache, [new(0, 30, 40), new(1, 1, 40)]);
        Assert.False(mask.Fits(other));

        attention.BlockMask = mask;
        using DeviceBuffer<float> queries = fixture.Device.Upload<float>(new float[31 * 4 * 32]), outputs = fixture.Device.Upload<float>(new float[31 * 4 * 32]);
        Assert.Throws<ArgumentException>(() => attention.Attend(other, cache, 0, queries, outputs));
        mask.Build(other);
        Assert.True(mask.Fits(other));
        Assert.False(mask.Fits(plan));
        attention.Attend(other, cache, 0, queries, outputs).Dispose();
        fixture.Device.Queue.Finish();
        mask.Dispose();
        Assert.Throws<ObjectDisposedException>(() => attention.Attend(other, cache, 0, queries, outputs));
    }

    /// <summary>Runs the prompts without and with a block mask, and counts its tiles: the device's count, held against one from the mask itself.</summary>
    private TileCounts Check<TSelf, T>(
        TSelf attention, IKvCache<TSelf> cache, Func<int, int> sequenceOf, Func<AttentionPlan<TSelf>, BlockMask<TSelf>> create, Action<BlockMask<TSelf>?> use,
        KernelTarget target, Func<int, int, int, int, bool> isVisible)
        where TSelf : IAttention<TSelf, T>
        where T : unmanaged
    {
        AttentionShape shape = TSelf.Descriptor.Shape;
        var random = new Random(8);
        using AttentionPlan<TSelf> plan = attention.CreatePlan();
        for (int i = 0; i < Prompts.Length; i++)
        {
            cache.Extend(sequenceOf(i), Prompts[i].Item2);
        }

        plan.Build(cache, [.. Prompts.Select((pair, i) => new AttentionRequest(sequenceOf(i), pair.Item2, pair.Item2))]);
        using DeviceBuffer<T> keys = Rows(plan.Tokens * shape.KvHeads * shape.HeadDim), values = Rows(plan.Tokens * shape.KvHeads * shape.ValueDim);
        attention.Append(plan, cache, 0, keys, values).Dispose();
        plan.Build(cache, [.. Prompts.Select((pair, i) => new AttentionRequest(sequenceOf(i), pair.Item1, pair.Item2))]);
        using DeviceBuffer<T> queries = Rows(plan.Tokens * shape.QueryHeads * shape.HeadDim);
        T[] without = Launch(out float[] lseWithout);
        using BlockMask<TSelf> mask = create(plan);
        use(mask);
        T[] with = Launch(out float[] lseWith);
        use(null);
        Assert.Equal(without, with);
        Assert.Equal(lseWithout, lseWith);
        Assert.Contains(lseWith, float.IsFinite);

        KernelGeometry geometry = TSelf.Descriptor.Geometry(target);
        TileCounts expected = Expected(shape, TSelf.Descriptor.BlockMaskHeads, plan.Work.PrefillItems, geometry.Prefill.Keys, isVisible)
            + Expected(shape, TSelf.Descriptor.BlockMaskHeads, plan.Work.DecodeItems, geometry.Decode.Keys, isVisible);
        Assert.Equal(expected, mask.Count());
        return expected;

        T[] Launch(out float[] lse)
        {
            T[] outputs = new T[plan.Tokens * shape.QueryHeads * shape.ValueDim];
            lse = new float[plan.Tokens * shape.QueryHeads];
            using DeviceBuffer<T> deviceOutputs = fixture.Device.Upload<T>(outputs);
            using DeviceBuffer<float> deviceLse = fixture.Device.Upload<float>(lse);
            attention.Attend(plan, cache, 0, queries, deviceOutputs, deviceLse).Dispose();
            fixture.Device.Queue.Read(deviceOutputs, outputs.AsSpan());
            fixture.Device.Queue.Read(deviceLse, lse.AsSpan());
            return outputs;
        }

        DeviceBuffer<T> Rows(int count) => fixture.Device.Upload<T>([.. Enumerable.Range(0, count).Select(_ => Elements.From<T>((2 * random.NextSingle()) - 1))]);
    }

    private static TileCounts Expected(AttentionShape shape, int heads, IReadOnlyList<WorkItem> items, int tileKeys, Func<int, int, int, int, bool> isVisible)
    {
        var counts = default(TileCounts);
        foreach (WorkItem item in items)
        {
            for (int kvHead = 0; kvHead < heads; kvHead++)
            {
                for (int first = item.KvBegin; first < item.KvEnd; first += tileKeys)
                {
                    bool[] seen =
                    [
                        .. from row in Enumerable.Range(item.FirstRow, item.RowCount)
                           from key in Enumerable.Range(first, Math.Min(tileKeys, item.KvEnd - first))
                           select isVisible(item.Batch, (kvHead * shape.GroupSize) + (row % shape.GroupSize), item.Position + (row / shape.GroupSize), key),
                    ];
                    counts += !seen.Contains(true) ? new(1, 0, 0)
                        : !seen.Contains(false) && first + tileKeys <= item.KvEnd ? new(0, 0, 1)
                        : new TileCounts(0, 1, 0);
                }
            }
        }

        return counts;
    }
}
