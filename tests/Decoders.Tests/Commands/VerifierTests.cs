using System.Collections.Immutable;
using Kernels.OpenCL;
using Xunit;

namespace Decoders.Tests;

/// <summary>That verification fails when it should.</summary>
[Collection(DeviceCollection.Name)]
public sealed class VerifierTests(Devices devices)
{
    [SkippableFact]
    public void FailsOnAWrongLogitTokenOrText()
    {
        ComputeDevice device = devices.OpenFirst();
        string folder = TestData.Folder("stories-gqa");
        TextTokenizer tokenizer = TextTokenizer.Load(folder);
        using Decoder decoder = Decoder.Load(
            device, folder, sequences: 1, capacity: 64, AttentionCatalog.With(CacheKind.Contiguous, type: ElementType.Float32));
        int[] prompt = [0, .. tokenizer.Encode("One morning")];
        var logits = new float[prompt.Length * 768];
        decoder.Forward(0, prompt, LogitRows.All, logits);
        int first = Sampler.Greedy(logits.AsSpan(logits.Length - 768));
        var right = new ReferencePrompt("right", prompt, logits, [first], tokenizer.Decode([first]));
        Assert.True(Run(right).Passed);

        float[] off = [.. logits];
        off[5] += 0.01f;
        Assert.Equal(0.01, Run(right with { Logits = off }).MaxDifference!.Value, 4);
        Assert.False(Run(right with { Logits = off }).Passed);
        off[5] = float.NaN;
        Assert.False(Run(right with { Logits = off }).Passed);
        PromptResult wrongToken = Run(right with { Greedy = [first + 1], Text = null });
        Assert.Equal((1, 0, false), (wrongToken.GreedyCompared, wrongToken.GreedyAgreed, wrongToken.Passed));
        PromptResult wrongText = Run(right with { Text = "?" });
        Assert.Equal((false, false), (wrongText.TextAgreed, wrongText.Passed));
        Assert.Throws<CheckpointException>(() => Run(right with { Logits = logits[1..] }));

        var output = new StringWriter();
        ImmutableArray<ReferencePrompt> prompts = [right, right with { Logits = off }, right with { Tokens = new int[65], Logits = [] }];
        Assert.Equal(new VerifyCommand.Tally(3, 3), VerifyCommand.Report(decoder, prompts, tokenizer, output, default));
        string[] lines = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Count(l => l.EndsWith("FAILED", StringComparison.Ordinal)));
        Assert.Single(lines, l => l.Contains("skipped", StringComparison.Ordinal));
        Assert.Equal(default, VerifyCommand.Report(decoder, prompts[2..], tokenizer, new StringWriter(), default));

        PromptResult Run(ReferencePrompt p) => Verifier.Run(decoder, p, PromptForm.PrefillThenDecode, tokenizer);
    }

    [Fact]
    public void RefusesFilesThatAreNotReferences()
    {
        using var folder = new TemporaryFolder();
        TextTokenizer tokenizer = TextTokenizer.Load(TestData.Folder("stories-gqa"));

        Assert.Contains(
            "has no tensor 'prompt0.input_ids'",
            Assert.Throws<CheckpointException>(
                () => Verifier.ReadExpected(folder.Write("a.safetensors", SafeTensorsBuilder.Vectors(("x", 1, 1))))).Message,
            StringComparison.Ordinal);
        Assert.Contains("neither a list", Greedy("{}"), StringComparison.Ordinal);
        Assert.Contains(
            "short0: has no tokens to compare", Greedy("""{"short": [{"prompt": "x", "greedy_text": "y"}]}"""), StringComparison.Ordinal);
        Assert.Contains(
            "do not begin with", Greedy("""{"long": [{"prompt": "One", "text": "One day", "all_tokens_with_bos": [0, 1]}]}"""),
            StringComparison.Ordinal);

        string Greedy(string json) =>
            Assert.Throws<CheckpointException>(() => Verifier.ReadGreedy(folder.Write("greedy.json", json), tokenizer)).Message;
    }
}
