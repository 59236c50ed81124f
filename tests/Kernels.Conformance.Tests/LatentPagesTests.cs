using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>Pages of latent rows with scales inside: their sizes, and that forks and swaps keep what attention reads of them.</summary>
[Collection(DeviceCollection.Name)]
public sealed class LatentPagesTests(DeviceFixture fixture)
{
    private const int PageSize = 16;
    private const int Pages = 8;
    private const int Layers = 2;

    private static readonly AttentionShape Shape =
        CaseMatrix.Shape(3, 1, 576, 512, AttentionMask.Causal, ElementType.Float32, ElementType.Float8E4M3, KvLayout.Hnd)
            with { LatentCache = true, Scale = 0.07, PageSize = PageSize };

    [SkippableFact]
    public void ForksAndSwapsKeepTheBits()
    {
        using var launcher = new AttentionLauncher<RuntimeSpec, float>(fixture.Device, RuntimeSpec.Describe(Shape));
        using PagedKvCache<RuntimeSpec> cache = launcher.CreatePagedCache(Pages, Layers);
        using AttentionPlan<RuntimeSpec> plan = launcher.CreatePlan();
        Assert.Equal(656, Shape.CacheBytesPerToken);
        Assert.Equal(Pages * PageSize * 656, cache.GetKeys(0).ByteLength);
        Assert.Equal(Pages * PageSize * 656 * Layers, cache.ByteLength);
        Assert.Same(cache.GetKeys(1), cache.GetValues(1));
        Assert.Throws<InvalidOperationException>(() => cache.GetKeyScales(0));
        Assert.Throws<InvalidOperationException>(() => cache.SetScales(0, [1f], [1f]));

        var random = new Random(1);
        float[] asked = Normal(Shape.QueryHeads * Shape.HeadDim);
        SequenceHandle sequence = cache.AddSequence();
        Append(sequence, 40);
        float[][] first = Attend(sequence);

        // The last page of three is copied before the fork writes into it.
        SequenceHandle fork = cache.Fork(sequence);
        Append(fork, 3);
        Assert.Equal(cache.GetPages(sequence)[1], cache.GetPages(fork)[1]);
        Assert.NotEqual(cache.GetPages(sequence)[2], cache.GetPages(fork)[2]);
        float[][] second = Attend(fork);
        Assert.NotEqual(first[0], second[0]);
        Assert.Equal(first, Attend(sequence));

        // Out to host memory, while another sequence writes into the pages that are free then.
        Assert.Equal(1, cache.SwapOut(sequence));
        Assert.Equal(PageSize * 656 * Layers, cache.HostByteLength);
        SequenceHandle other = cache.AddSequence();
        Append(other, (Pages - 3) * PageSize);
        Assert.False(cache.TrySwapIn(sequence));
        cache.Release(other);
        Assert.True(cache.TrySwapIn(sequence));
        Assert.Equal(first, Attend(sequence));
        Assert.Equal(second, Attend(fork));

        void Append(SequenceHandle to, int tokens)
        {
            cache.Extend(to, tokens);
            plan.Build(cache, [new AttentionRequest(to, tokens)]);
            for (int layer = 0; layer < Layers; layer++)
            {
                using DeviceBuffer<float> rows = fixture.Device.Upload<float>(Normal(tokens * Shape.HeadDim));
                launcher.EnqueueAppend(plan, cache, layer, rows, rows).Dispose();
            }
        }

        float[][] Attend(SequenceHandle of)
        {
            plan.Build(cache, [new AttentionRequest(of, 1)]);
            using DeviceBuffer<float> queries = fixture.Device.Upload<float>(asked), outputs = fixture.Device.Allocate<float>(
                Shape.QueryHeads * Shape.ValueDim);
            return [.. Enumerable.Range(0, Layers).Select(layer =>
            {
                float[] read = new float[outputs.Length];
                launcher.EnqueueAttend(plan, cache, layer, queries, outputs).Dispose();
                fixture.Device.Queue.Read(outputs, read.AsSpan());
                Assert.All(read, x => Assert.True(float.IsFinite(x)));
                return read;
            })];
        }

        float[] Normal(int length) => [.. Enumerable.Range(0, length).Select(_ => (float)((2 * random.NextDouble()) - 1))];
    }
}
