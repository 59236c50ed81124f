using System.Collections.Immutable;
using Kernels.OpenCL;

namespace Kernels.Decoding.Tests;

/// <summary>Engines on small models, and what the models give without an engine.</summary>
internal static class EngineFixture
{
    public static readonly TextTokenizer Tokenizer = TextTokenizer.Load(TestData.Folder("stories-gqa"));

    private static readonly Dictionary<string, int[][]> Known = new(StringComparer.Ordinal);

    public static DecodingEngine Start(
        ComputeDevice device, string model, int sequences, int capacity, int pages, EngineOptions? options = null, int? expandFrom = null,
        bool drawsOnDevice = false)
    {
        Decoder decoder = Decoder.Load(
            device, TestData.Folder(model), sequences, capacity, AttentionCatalog.WithPages(pages, expandFrom: expandFrom));
        decoder.DrawsOnDevice |= drawsOnDevice;
        return new(decoder, Tokenizer, options);
    }

    /// <summary>Greedy requests of 3 to 60 tokens, half of which begin with the same 35.</summary>
    public static GenerationRequest[] Requests(int count, int maxTokens)
    {
        var random = new Random(17);
        int[] common = Tokens(35);
        return [.. Enumerable.Range(0, count).Select(i => new GenerationRequest(
            [.. i % 2 == 0 ? common : [], .. Tokens(random.Next(3, 25))], maxTokens) { IgnoreEnd = true })];

        int[] Tokens(int length) => [.. Enumerable.Range(0, length).Select(_ => random.Next(256))];
    }

    /// <summary>What each request gives alone, on a decoder with a contiguous cache.</summary>
    public static int[][] OneByOne(ComputeDevice device, string model, GenerationRequest[] requests)
    {
        if (!Known.TryGetValue(model, out int[][]? outputs))
        {
            using Decoder decoder = Decoder.Load(device, TestData.Folder(model), 1, requests.Max(r => r.Prompt.Length + r.MaxTokens));
            outputs = [.. requests.Select(request => Generate(decoder, request))];
            Known.Add(model, outputs);
        }

        return outputs;
    }

    private static int[] Generate(Decoder decoder, GenerationRequest request)
    {
        decoder.Reset(0);
        var generator = new Generator(decoder);
        generator.Prefill(request.Prompt.AsSpan());
        ImmutableArray<int>.Builder output = ImmutableArray.CreateBuilder<int>();
        while (true)
        {
            output.Add(Sampler.Greedy(generator.Logits));
            if (output.Count == request.MaxTokens)
            {
                return [.. output];
            }

            generator.Decode(output[^1]);
        }
    }
}
