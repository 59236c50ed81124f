using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>A token makes no garbage once decoding is warm: neither the decoder's step nor sampling, on any thread.</summary>
[Collection(nameof(AllocationTests))]
public sealed class AllocationTests(Devices devices)
{
    private const int Prompt = 7;
    private const int Rounds = 4;
    private const int Steps = 20;

    [SkippableTheory]
    [InlineData("llama-gqa", CacheKind.Contiguous)]
    [InlineData("llama-gqa", CacheKind.Paged)]
    [InlineData("gpt2-mha", CacheKind.Paged)]
    [InlineData("gemma2-softcap-window", CacheKind.Contiguous)]
    [InlineData("gemma2-softcap-window", CacheKind.Paged)]
    [InlineData("gpt-oss-sinks-moe", CacheKind.Contiguous)]
    [InlineData("deepseek-v3-mla-moe", CacheKind.Contiguous)]
    [InlineData("deepseek-v3-mla-moe", CacheKind.Paged)]
    internal void DecodingAllocatesNothing(string name, CacheKind cache)
    {
        ComputeDevice device = devices.OpenFirst();
        using Decoder decoder = Decoder.Load(device, TestData.Folder(name), sequences: 1, capacity: 100, AttentionCatalog.With(cache));
        var generator = new Generator(decoder);
        var sampler = new Sampler(new SamplingOptions { Temperature = 0.8, TopK = 40, TopP = 0.95, Seed = 1 });
        int[] prompt = [.. Enumerable.Range(1, Prompt)];

        // Once through, so that everything has its size, and from then on again and again.
        long least = long.MaxValue;
        for (int round = 0; round <= Rounds && least > 0; round++)
        {
            decoder.Reset(0);
            generator.Prefill(prompt);
            for (int i = 0; i < 80 - Steps; i++)
            {
                Step();
            }

            long thread = GC.GetAllocatedBytesForCurrentThread();
            long all = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < Steps; i++)
            {
                Step();
            }

            all = GC.GetTotalAllocatedBytes(precise: true) - all;
            thread = GC.GetAllocatedBytesForCurrentThread() - thread;
            if (round > 0)
            {
                Assert.True(thread == 0, $"{thread} bytes in {Steps} steps on the thread that decodes");

                // The test's host may allocate now and then, too; what a step allocates comes every time.
                least = Math.Min(least, all);
            }
        }

        Assert.True(least == 0, $"at least {least} bytes in {Steps} steps on all threads");

        void Step() => generator.Decode(sampler.Next(generator.Logits));
    }
}
