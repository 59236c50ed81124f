using System.Collections.Immutable;
using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

[Collection(DeviceCollection.Name)]
public sealed class DecoderTests(Devices devices)
{
    internal static readonly AttentionFactory Reference = (device, config, sequences, capacity) => CreateReference(
        device, config, sequences, capacity, MlaForm.Auto);

    public static TheoryData<int, bool> DevicesAndAttentions
    {
        get
        {
            var rows = new TheoryData<int, bool>();
            foreach (int number in Devices.All)
            {
                rows.Add(number, false);
                rows.Add(number, true);
            }

            return rows;
        }
    }

    /// <summary>The reference attention of a model, latent attention in a form.</summary>
    internal static IDecoderAttention CreateReference(
        ComputeDevice device, ModelConfig config, int sequences, int capacity, MlaForm form, int? expandFrom = null) =>
            config.Latent is { } latent
        ? new LatentAttention(
            device,
            latent,
            form,
            expandFrom,
            new ReferenceAttention(
                device, config.Layers.Select(_ => form == MlaForm.Expanded ? latent.Expanded : latent.Absorbed), sequences, capacity),
            (count, longest) => new ReferenceAttention(device, [latent.Expanded], count, longest))
        : new ReferenceAttention(device, config.Layers.Select(layer => layer.Attention), sequences, capacity);

    [SkippableTheory]
    [MemberData(nameof(DevicesAndAttentions))]
    public void AgreesWithTransformersOnStories(int number, bool generated)
    {
        ComputeDevice device = devices.Open(number);
        string folder = TestData.Folder("stories-gqa");
        TextTokenizer tokenizer = TextTokenizer.Load(folder);
        ImmutableArray<ReferencePrompt> prompts = Verifier.ReadGreedy(Path.Combine(folder, "greedy.json"), tokenizer);
        Assert.Equal(28, prompts.Length);

        // The reference attention is slow: with it, one short prompt and one long continuation.
        ImmutableArray<ReferencePrompt> chosen = generated ? prompts : [prompts[12], prompts[^2]];
        using Decoder decoder = Decoder.Load(device, folder, sequences: 1, capacity: 256, generated ? null : Reference);
        foreach (ReferencePrompt prompt in chosen)
        {
            PromptResult result = Verifier.Run(decoder, prompt, PromptForm.Prefill, tokenizer);
            Assert.Equal(prompt.Greedy.Length, result.GreedyAgreed);
            Assert.True(result.TextAgreed);
            Assert.True(result.Passed);
        }
    }

    public static TheoryData<string, string, bool, bool, int> RandomModels => new()
    {
        { "llama", "F32", false, false, 1 },
        { "llama", "F32", true, true, 3 },
        { "llama", "F16", true, false, 2 },
        { "llama", "BF16", false, true, 1 },
        { "llama", "BF16", true, false, 4 },
        { "mistral", "F32", false, false, 1 },
        { "qwen3", "BF16", true, true, 2 },
        { "gemma", "F32", true, true, 1 },
        { "gemma2", "F16", true, false, 2 },
        { "gpt_oss", "F32", false, false, 1 },
        { "gpt_oss", "BF16", true, true, 3 },
        { "deepseek_v2", "F32", false, false, 1 },
        { "deepseek_v2", "BF16", true, true, 3 },
        { "deepseek_v3", "F16", true, false, 2 },
    };

    /// <summary>Biases, tied heads, each stored type, shards, windows: against the architecture's definition in double precision.</summary>
    [SkippableTheory]
    [MemberData(nameof(RandomModels))]
    public void AgreesWithTheDefinition(string modelType, string type, bool bias, bool tied, int files)
    {
        ComputeDevice device = devices.OpenFirst();
        var model = new RandomDecoder(modelType, type, bias, tied);
        using var folder = new TemporaryFolder();
        model.Write(folder, files);
        using Decoder decoder = Decoder.Load(device, folder.Path, sequences: 1, capacity: 16, Reference);
        int[] tokens = [0, 36, 5, 5, 17, 1, 30, 2, 9, 21, 8];
        var logits = new float[tokens.Length * RandomDecoder.Vocabulary];
        decoder.Forward(0, tokens.AsSpan(0, 9), LogitRows.All, logits.AsSpan(0, 9 * RandomDecoder.Vocabulary));
        decoder.Forward(0, tokens.AsSpan(9), LogitRows.All, logits.AsSpan(9 * RandomDecoder.Vocabulary));

        double[] expected = new DecoderDefinition(model).Logits(tokens);
        double greatest = expected.Max(Math.Abs);
        Assert.All(Enumerable.Range(0, logits.Length), i => Assert.Equal(expected[i], logits[i], tolerance: 1e-5 * Math.Max(10, greatest)));

        // Vectors become float32, matrices keep their type; the rows of a matrix fill panels, and latent attention has one matrix twice.
        int elements = model.Tensors.Values.Sum(t => t.Values.Length);
        double padded = model.Tensors.Values.Sum(
            t => t.Shape.Aggregate(1.0, (product, size) => product * (t.Shape.Length == 1 ? size : (size + 15) / 16 * 16)));
        double copies = modelType.StartsWith("deepseek", StringComparison.Ordinal) ? 1.5 : 1;
        Assert.InRange(decoder.WeightBytes, elements * (type == "F32" ? 4 : 2), copies * padded * (type == "F32" ? 4 : 2.3));
    }

    /// <summary>Sequences of different lengths in one step give what each gives alone, as does a prompt in pieces.</summary>
    [SkippableTheory]
    [InlineData("llama-gqa", null)]
    [InlineData("llama-gqa", CacheKind.Contiguous)]
    [InlineData("gemma2-softcap-window", CacheKind.Paged)]
    [InlineData("gpt2-mha", CacheKind.Paged)]
    [InlineData("gpt-oss-sinks-moe", CacheKind.Contiguous)]
    [InlineData("gpt-oss-sinks-moe", CacheKind.Paged)]
    [InlineData("deepseek-v2-mla", CacheKind.Contiguous)]
    [InlineData("deepseek-v3-mla-moe", CacheKind.Paged)]
    internal void SequencesOfAStepDoNotDisturbEachOther(string model, CacheKind? cache)
    {
        ComputeDevice device = devices.OpenFirst();
        int vocabulary = 256;
        using Decoder decoder = Decoder.Load(
            device, TestData.Folder(model), sequences: 3, capacity: 64, cache is { } kind ? AttentionCatalog.With(kind) : Reference);
        var random = new Random(11);
        int[][] prompts = [.. new[] { 5, 1, 23 }.Select(n => Enumerable.Range(0, n + 3).Select(_ => random.Next(vocabulary)).ToArray())];
        float[][] alone = new float[3][];
        for (int i = 0; i < 3; i++)
        {
            decoder.Reset(0);
            alone[i] = new float[prompts[i].Length * vocabulary];
            decoder.Forward(0, prompts[i], LogitRows.All, alone[i]);
        }

        // First all but the last three tokens of each, then two steps of one token of some, then what is left.
        decoder.Reset(0);
        var last = new float[3 * vocabulary];
        decoder.Forward([.. prompts[2][..^3], .. prompts[0][..^3], .. prompts[1][..^3]], [(2, 23), (0, 5), (1, 1)], LogitRows.Last, last);
        AssertRows([(2, 22), (0, 4), (1, 0)], last);
        decoder.Forward([prompts[0][5], prompts[2][23]], [(0, 1), (2, 1)], LogitRows.Last, last.AsSpan(0, 2 * vocabulary));
        AssertRows([(0, 5), (2, 23)], last);
        Assert.Equal((6, 1, 24), (decoder.Length(0), decoder.Length(1), decoder.Length(2)));
        var all = new float[7 * vocabulary];
        decoder.Forward([.. prompts[0][6..], .. prompts[1][1..], .. prompts[2][24..]], [(0, 2), (1, 3), (2, 2)], LogitRows.All, all);
        AssertRows([(0, 6), (0, 7), (1, 1), (1, 2), (1, 3), (2, 24), (2, 25)], all);

        void AssertRows((int Prompt, int Token)[] rows, float[] actual)
        {
            for (int row = 0; row < rows.Length; row++)
            {
                for (int i = 0; i < vocabulary; i++)
                {
                    float expected = alone[rows[row].Prompt][(rows[row].Token * vocabulary) + i];
                    Assert.True(
                        Math.Abs(expected - actual[(row * vocabulary) + i]) <= 1e-5,
                        $"{rows[row]}: logit {i} is {actual[(row * vocabulary) + i]}, alone {expected}");
                }
            }
        }
    }

    [SkippableFact]
    public void RefusesStepsThatAreNotAllowedAndStaysAsItWas()
    {
        ComputeDevice device = devices.OpenFirst();
        using Decoder decoder = Decoder.Load(device, TestData.Folder("llama-gqa"), sequences: 2, capacity: 4, Reference);
        var logits = new float[256];
        decoder.Forward(0, [1, 2], LogitRows.Last, logits);

        Refused("Token 256 is not from 0 to 255", [256], [(0, 1)]);
        Refused("Token -1 is not", [-1], [(0, 1)]);
        Refused("Sequence 0 has 2 of 4 tokens; expected 1 to 2 more, got 3", [1, 2, 3], [(0, 3)]);
        Refused("expected 1 to 2 more, got 0", [], [(0, 0)]);
        Refused("0 new tokens in all; got 1", [1], []);
        Refused("1 new tokens in all; got 2", [1, 2], [(0, 1)]);
        Refused("Sequence 1 takes part twice", [1, 2], [(1, 1), (1, 1)]);
        Refused("Expected a sequence from 0 to 1", [1], [(2, 1)]);
        Refused("Expected room for 1 × 256 logits, got 3", [1], [(0, 1)], room: 3);
        Assert.Throws<ArgumentOutOfRangeException>(() => decoder.Reset(-1));
        Assert.Equal((2, 0), (decoder.Length(0), decoder.Length(1)));
        decoder.Forward(0, [3, 4], LogitRows.Last, logits);
        Assert.Equal(4, decoder.Length(0));

        void Refused(string message, int[] tokens, (int, int)[] step, int room = 256)
        {
            var error = Assert.ThrowsAny<ArgumentException>(() => decoder.Forward(tokens, step, LogitRows.Last, new float[room]));
            Assert.Contains(message, error.Message, StringComparison.Ordinal);
        }
    }

    public static TheoryData<string, string> BadCheckpoints => new()
    {
        { "missing", "has no tensor 'model.layers.1.mlp.up_proj.weight'" },
        { "shape", "tensor 'model.norm.weight' is F32 [21]; the configuration says [20]" },
        { "rank", "tensor 'model.embed_tokens.weight' is F32 [740]; the configuration says [37, 20]" },
        { "no head", "has no tensor 'lm_head.weight'" },
        { "context", "a context of 65 tokens exceeds the 64 positions of the model" },
    };

    [SkippableTheory]
    [MemberData(nameof(BadCheckpoints))]
    public void RefusesACheckpointThatDoesNotFitAndFreesWhatItTook(string what, string message)
    {
        ComputeDevice device = devices.OpenFirst();
        using var folder = new TemporaryFolder();
        new RandomDecoder("llama", "F32", Bias: false, Tied: what == "no head").Write(
            folder,
            changeConfig: json => json["tie_word_embeddings"] = false,
            changeTensors: tensors =>
            {
                switch (what)
                {
                    case "missing":
                        tensors.Remove("model.layers.1.mlp.up_proj.weight");
                        break;
                    case "shape":
                        tensors["model.norm.weight"] = new StoredTensor([21], new float[21]);
                        break;
                    case "rank":
                        tensors["model.embed_tokens.weight"] = new StoredTensor([740], new float[740]);
                        break;
                }
            });
        long before = device.AllocatedBytes;
        ReferenceAttention? attention = null;

        var error = Assert.Throws<CheckpointException>(() => Decoder.Load(
            device, folder.Path, 1, what == "context" ? 65 : 64, (d, config, sequences, capacity) => attention = new ReferenceAttention(
                d, config.Layers.Select(layer => layer.Attention), sequences, capacity)));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal(before, device.AllocatedBytes);
        Assert.True(attention?.IsDisposed ?? true);
    }

    [SkippableTheory]
    [InlineData("llama-gqa", CacheKind.Contiguous)]
    [InlineData("gpt-oss-sinks-moe", CacheKind.Paged)]
    [InlineData("deepseek-v3-mla-moe", CacheKind.Contiguous)]
    internal void FreesAllItsMemory(string model, CacheKind cache)
    {
        ComputeDevice device = devices.OpenFirst();
        long before = device.AllocatedBytes;
        using (Decoder decoder = Decoder.Load(device, TestData.Folder(model), sequences: 2, capacity: 32, AttentionCatalog.With(cache)))
        {
            decoder.Forward([1, 2, 3], [(0, 1), (1, 2)], LogitRows.Last, new float[512]);
            Assert.True(device.AllocatedBytes > before);
            Assert.True(decoder.CacheBytes > 0);
        }

        Assert.Equal(before, device.AllocatedBytes);
    }
}
