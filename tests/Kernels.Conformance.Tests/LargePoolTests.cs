using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>
/// A pool of 32768 pages of 16 tokens whose keys take more than 2^31 bytes, with sequences in pages all over it, the last one
/// included: row indices go beyond 32 bits. Only the pages of the sequences are ever touched.
/// </summary>
[Collection(DeviceCollection.Name)]
public sealed class LargePoolTests(DeviceFixture fixture)
{
    private const int PageSize = 16;
    private const int Pages = 32768;

    // 6 and 7 pages; a step of few rows and one of a prompt's rows.
    private static readonly (int Queries, int Keys)[] Lengths = [(2, 93), (41, 110)];

    private static AttentionShape Heads(KvLayout layout) =>
        CaseMatrix.Shape(17, 17, 256, 8, AttentionMask.Causal, ElementType.Float32, ElementType.Float8E4M3, layout) with { PageSize = PageSize };

    private static AttentionShape Latent =>
        CaseMatrix.Shape(14, 7, 576, 512, AttentionMask.Causal, ElementType.Float32, ElementType.Float8E4M3, KvLayout.Hnd)
            with { PageSize = PageSize, LatentCache = true };

    [SkippableTheory]
    [InlineData(KvLayout.Hnd, null)]
    [InlineData(KvLayout.Nhd, null)]
    [InlineData(KvLayout.Nhd, KernelTarget.Portable)]
    public void RowsBeyond32BitsAreFound(KvLayout layout, KernelTarget? target) => Check(Heads(layout), target);

    [SkippableTheory]
    [InlineData(null)]
    [InlineData(KernelTarget.Portable)]
    public void LatentRowsBeyond32BitsAreFound(KernelTarget? target) => Check(Latent, target);

    private void Check(AttentionShape shape, KernelTarget? target)
    {
        ComputeDevice device = fixture.Device;
        long keyBytes = Pages * (long)PageSize * shape.KvHeads * shape.KeyBytes;
        Assert.True(keyBytes > 1L << 31);
        Skip.If(
            keyBytes > device.Capabilities.MaxAllocationBytes || 2 * keyBytes > device.Capabilities.GlobalMemoryBytes,
            $"The keys take {keyBytes} bytes; the device allows {device.Capabilities.MaxAllocationBytes} in a buffer and has {device.Capabilities.GlobalMemoryBytes}.");
        using var launcher = new AttentionLauncher<RuntimeSpec, float>(device, RuntimeSpec.Describe(shape), target);
        using PagedKvCache<RuntimeSpec> cache = launcher.CreatePagedCache(Pages, 1);
        int[] sequences = InPagesAllOver(cache);

        var random = new Random(1);
        double[][] keys = [.. Lengths.Select(pair => Rows(pair.Keys * shape.KvHeads, shape.HeadDim, random))];
        double[][] values = [.. Lengths.Select((pair, i) => shape.LatentCache ? Latents(shape, keys[i]) : Rows(pair.Keys * shape.KvHeads, shape.ValueDim, random))];
        double[][] queries = [.. Lengths.Select(pair => Rows(pair.Queries * shape.QueryHeads, shape.HeadDim, random))];
        using AttentionPlan<RuntimeSpec> plan = launcher.CreatePlan();
        plan.Build(cache, [.. Lengths.Select((pair, i) => new AttentionRequest(sequences[i], pair.Keys, pair.Keys))]);
        using DeviceBuffer<float> newKeys = Upload(keys), newValues = Upload(values), asked = Upload(queries);
        launcher.Append(plan, cache, 0, newKeys, newValues).Dispose();

        plan.Build(cache, [.. Lengths.Select((pair, i) => new AttentionRequest(sequences[i], pair.Queries, pair.Keys))]);
        float[] outputs = new float[plan.Tokens * shape.QueryHeads * shape.ValueDim];
        using DeviceBuffer<float> to = device.Allocate<float>(outputs.Length);
        launcher.Attend(plan, cache, 0, asked, to, null).Dispose();
        device.Queue.Read(to, outputs.AsSpan());

        int at = 0;
        for (int i = 0; i < Lengths.Length; i++)
        {
            double[] expected = new double[Lengths[i].Queries * shape.QueryHeads * shape.ValueDim];
            ReferenceAttention.Compute(shape, queries[i], keys[i], values[i], expected);
            double[] actual = [.. outputs[at..(at + expected.Length)].Select(x => (double)x)];
            at += expected.Length;
            Assert.InRange(Tolerance.Error(ElementType.Float32, actual, expected, []), 0, 1);
        }

        DeviceBuffer<float> Upload(double[][] parts) => device.Upload<float>([.. parts.SelectMany(part => part).Select(x => (float)x)]);
    }

    /// <summary>Takes all pages, gives back some all over the pool, and makes the sequences of those.</summary>
    private static int[] InPagesAllOver(PagedKvCache<RuntimeSpec> cache)
    {
        int needed = Lengths.Sum(pair => (pair.Keys + PageSize - 1) / PageSize);
        HashSet<int> free = [.. Enumerable.Range(0, needed).Select(i => (int)((Pages - 1L) * i / (needed - 1)))];
        int[] all = [.. Enumerable.Range(0, Pages).Select(_ => cache.Create())];
        foreach (int sequence in all)
        {
            cache.Extend(sequence, PageSize);
        }

        foreach (int sequence in all.Where(sequence => free.Contains(cache.Pages(sequence)[0])))
        {
            cache.Release(sequence);
        }

        int[] sequences = [.. Lengths.Select(_ => cache.Create())];
        while (Lengths.Where((pair, i) => cache.Length(sequences[i]) < pair.Keys).Any())
        {
            for (int i = 0; i < sequences.Length; i++)
            {
                // In turn, so that each has pages all over the pool.
                cache.Extend(sequences[i], Math.Min(PageSize, Lengths[i].Keys - cache.Length(sequences[i])));
            }
        }

        Assert.True(free.SetEquals(sequences.SelectMany(sequence => cache.Pages(sequence).ToArray())));
        Assert.Contains(Pages - 1, free);
        Assert.All(sequences, sequence => Assert.True(cache.Pages(sequence).ToArray().Max() - cache.Pages(sequence).ToArray().Min() > Pages / 2));
        return sequences;
    }

    /// <summary>Sixteenths that e4m3 has; the largest in each group of 128 makes its scale a power of two, so that nothing is rounded.</summary>
    private static double[] Rows(int rows, int dim, Random random)
    {
        const int largest = 14;
        return [.. Enumerable.Range(0, rows * dim).Select(i => (i % dim % 128 == 0 ? largest : random.Next(-largest, largest + 1)) / 16.0)];
    }

    private static double[] Latents(AttentionShape shape, double[] keys) =>
        [.. keys.Chunk(shape.HeadDim).SelectMany(key => key[..shape.ValueDim])];
}
