using System.Runtime.InteropServices;
using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>
/// Requests that share their first pages: read together or each for itself, their outputs agree with the reference; and bits
/// that do not depend on the batch, where the spec asks for that.
/// </summary>
[Collection(DeviceCollection.Name)]
public sealed class SharedPrefixTests(DeviceFixture fixture)
{
    private const int PageSize = 16;

    public static TheoryData<KernelTarget, int, int, int> Cascades
    {
        get
        {
            var data = new TheoryData<KernelTarget, int, int, int>();
            foreach (KernelTarget target in new[] { KernelTarget.Cpu, KernelTarget.Portable })
            {
                foreach (int shared in new[] { 512, 2048 })
                {
                    data.Add(target, 8, shared, 17);
                    data.Add(target, 5, shared, 37);
                }
            }

            return data;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Cascades))]
    public void SharedKeysAreReadOnce(KernelTarget target, int requests, int shared, int unique)
    {
        AttentionShape shape = CaseMatrix.Shape(8, 2, 64, 64, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd)
            with { PageSize = PageSize, Sinks = true };
        using var batch = new Batch(fixture.Device, shape, target, requests, shared, unique);
        (float[] alone, float[] aloneLse) = batch.Attend(sharesPrefixes: false);
        int read = batch.KeysRead;
        Assert.Equal(0, batch.SharedKeys);
        (float[] together, float[] togetherLse) = batch.Attend(sharesPrefixes: true);

        // A second request that ends in the same page has a copy of it, so that less than a page is not shared.
        Assert.InRange(batch.SharedKeys, shared - PageSize, shared);
        Assert.True(batch.KeysRead <= read - ((requests - 3) * (shared - PageSize)), $"{batch.KeysRead} keys were read, {read} without sharing");
        Assert.All(together.Zip(alone), pair => Assert.Equal(pair.Second, pair.First, 1e-5));
        Assert.All(togetherLse.Zip(aloneLse), pair => Assert.Equal(pair.Second, pair.First, 1e-5));
        batch.CompareWithReference(together, togetherLse);
    }

    [SkippableTheory]
    [InlineData(KernelTarget.Cpu)]
    [InlineData(KernelTarget.Portable)]
    public void DeterministicBitsDoNotDependOnTheBatch(KernelTarget target)
    {
        AttentionShape shape = CaseMatrix.Shape(8, 2, 64, 64, AttentionMask.Causal, ElementType.Float32, ElementType.Float16, KvLayout.Hnd)
            with { PageSize = PageSize, Deterministic = true };
        using var batch = new Batch(fixture.Device, shape, target, 6, 1500, 77);
        (float[] together, float[] togetherLse) = batch.Attend(sharesPrefixes: true);
        Assert.Equal(0, batch.SharedKeys);
        int each = together.Length / 6, lseEach = togetherLse.Length / 6;
        for (int request = 0; request < 6; request++)
        {
            (float[] alone, float[] aloneLse) = batch.AttendOne(request);
            Assert.True(Bits(alone).SequenceEqual(Bits(together)[(request * each)..((request + 1) * each)]), $"outputs of request {request}");
            Assert.True(Bits(aloneLse).SequenceEqual(Bits(togetherLse)[(request * lseEach)..((request + 1) * lseEach)]), $"LSEs of request {request}");
        }
    }

    private static ReadOnlySpan<int> Bits(float[] numbers) => MemoryMarshal.Cast<float, int>(numbers);

    /// <summary>Sequences that were forked from one, each with tokens of its own and one query.</summary>
    private sealed class Batch : IDisposable
    {
        private readonly ComputeDevice device;
        private readonly AttentionShape shape;
        private readonly AttentionLauncher<RuntimeSpec, float> launcher;
        private readonly PagedKvCache<RuntimeSpec> cache;
        private readonly AttentionPlan<RuntimeSpec> plan;
        private readonly int[] sequences;
        private readonly float[] queries;
        private readonly float[] sinks;
        private readonly DeviceBuffer<float> deviceSinks;
        private readonly Dictionary<int, (List<float> Keys, List<float> Values)> contents = [];
        private readonly Random random = new(3);

        public Batch(ComputeDevice device, AttentionShape shape, KernelTarget target, int requests, int shared, int unique)
        {
            this.device = device;
            this.shape = shape;
            launcher = new(device, RuntimeSpec.Describe(shape), target);
            cache = launcher.CreatePagedCache(((shared + PageSize) / PageSize) + (requests * ((unique / PageSize) + 2)), 1);
            plan = launcher.CreatePlan();
            int first = cache.Create();
            contents[first] = ([], []);
            Append(first, shared);
            sequences = [first, .. Enumerable.Range(1, requests - 1).Select(_ => Fork(first))];
            for (int i = 0; i < requests; i++)
            {
                Append(sequences[i], unique + i);
            }

            queries = Random(requests * shape.QueryHeads * shape.HeadDim);
            sinks = Random(shape.QueryHeads);
            deviceSinks = device.Upload<float>(sinks);
            launcher.Sinks = deviceSinks;
        }

        public int SharedKeys => plan.Work.SharedKeys;

        public int KeysRead => plan.Work.PrefillItems.Concat(plan.Work.DecodeItems).Sum(item => item.KeyCount);

        public (float[] Outputs, float[] Lse) Attend(bool sharesPrefixes)
        {
            plan.Work.SharesPrefixes = sharesPrefixes;
            return Attend(sequences, queries);
        }

        public (float[] Outputs, float[] Lse) AttendOne(int request)
        {
            int each = shape.QueryHeads * shape.HeadDim;
            return Attend([sequences[request]], queries[(request * each)..((request + 1) * each)]);
        }

        public void CompareWithReference(float[] outputs, float[] lse)
        {
            for (int i = 0; i < sequences.Length; i++)
            {
                (List<float> keys, List<float> values) = contents[sequences[i]];
                int each = shape.QueryHeads * shape.HeadDim;
                double[] oneQuery = Wide(queries[(i * each)..((i + 1) * each)]), expected = new double[shape.ValueDim];
                for (int head = 0; head < shape.QueryHeads; head++)
                {
                    int row = (i * shape.QueryHeads) + head;
                    double expectedLse = ReferenceAttention.Row(
                        shape, oneQuery, Wide([.. keys]), Wide([.. values]), 1, cache.Length(sequences[i]), 0, head, expected, new ReferenceOptions { Sinks = sinks });
                    Assert.Equal(expectedLse, lse[row], 1e-5);
                    Assert.All(expected.Index(), x => Assert.Equal(x.Item, outputs[(row * shape.ValueDim) + x.Index], 1e-5));
                }
            }
        }

        public void Dispose()
        {
            deviceSinks.Dispose();
            plan.Dispose();
            cache.Dispose();
            launcher.Dispose();
        }

        private static double[] Wide(float[] numbers) => Array.ConvertAll(numbers, x => (double)x);

        private (float[] Outputs, float[] Lse) Attend(int[] some, float[] someQueries)
        {
            plan.Build(cache, some.Select(sequence => new AttentionRequest(sequence, 1, cache.Length(sequence))).ToArray());
            using DeviceBuffer<float> deviceQueries = device.Upload<float>(someQueries);
            using DeviceBuffer<float> outputs = device.Allocate<float>(some.Length * shape.QueryHeads * shape.ValueDim), lse = device.Allocate<float>(some.Length * shape.QueryHeads);
            launcher.Attend(plan, cache, 0, deviceQueries, outputs, lse).Dispose();
            var result = (new float[outputs.Length], new float[lse.Length]);
            device.Queue.Read(outputs, result.Item1.AsSpan());
            device.Queue.Read(lse, result.Item2.AsSpan());
            return result;
        }

        private int Fork(int parent)
        {
            int sequence = cache.Fork(parent);
            contents[sequence] = ([.. contents[parent].Keys], [.. contents[parent].Values]);
            return sequence;
        }

        private void Append(int sequence, int tokens)
        {
            float[] keys = Random(tokens * shape.KvHeads * shape.HeadDim), values = Random(tokens * shape.KvHeads * shape.ValueDim);
            contents[sequence].Keys.AddRange(keys);
            contents[sequence].Values.AddRange(values);
            launcher.Append(cache, sequence, keys, values);
        }

        private float[] Random(int length) => [.. Enumerable.Range(0, length).Select(_ => (float)((2 * random.NextDouble()) - 1))];
    }
}
