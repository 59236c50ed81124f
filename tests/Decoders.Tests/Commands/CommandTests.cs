using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kernels.OpenCL;
using Xunit;

namespace Decoders.Tests;

[Collection(DeviceCollection.Name)]
public sealed class CommandTests(Devices devices)
{
    private static readonly string Stories = TestData.Folder("stories-gqa");

    [SkippableFact]
    public async Task GeneratesTheReferencesStoryAndClosesWithFigures()
    {
        devices.OpenFirst();
        (int code, string output, string error) = await Run(
            "generate", "--model", Stories, "--prompt", "One morning Mia", "--tokens", "64");

        Assert.Equal((0, ""), (code, error));
        string[] lines = output.Split('\n');
        Assert.StartsWith(
            "One morning Mia skipped to the cellar with a small dog. Mia put the blue bell in the jar near the meadow.", lines[0],
            StringComparison.Ordinal);
        Assert.EndsWith("Mia put the pink boat in the chest near the barn. It", lines[0], StringComparison.Ordinal);
        Assert.Matches(
            @"^prompt: 4 tokens, [\d.]+ tokens/s · generated: 64 tokens, [\d.]+ tokens/s · device: #\d+ .+ · cache: [\d,]+ bytes$",
            lines[^2]);
    }

    [SkippableFact]
    public async Task DrawsTheSameTextFromTheSameSeed()
    {
        devices.OpenFirst();
        async Task<string> Story(string seed, params string[] more) =>
            (await Run(
                ["generate", "--model", Stories, "--prompt", "One", "--tokens", "24", "--temperature", "1.5", "--top-k", "40", "--top-p",
                    "0.95", "--seed", seed, .. more])).Output.Split('\n')[0];

        Assert.Equal(await Story("1"), await Story("1"));
        Assert.Equal(await Story("1"), await Story("1", "--cache", "paged"));
        Assert.NotEqual(await Story("1"), await Story("2"));
    }

    [SkippableFact]
    public async Task GeneratesASingleTokenAndContinuesAnEmptyPrompt()
    {
        devices.OpenFirst();
        (int code, string output, _) = await Run("generate", "--model", Stories, "--prompt", "", "--tokens", "1");

        Assert.Equal(0, code);
        Assert.Contains("prompt: 1 tokens", output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task ContinuesTheLinesOfAFileAndClosesWithFigures()
    {
        devices.OpenFirst();
        using var folder = new TemporaryFolder();
        string[] prompts =
            [.. Enumerable.Range(0, 12)
                .Select(i => i % 3 == 0 ? "One morning Mia" : i % 3 == 1 ? "One morning Leo ran to the market with a small duck." : "The")];
        string file = folder.Write("prompts.txt", string.Join('\n', prompts) + "\n\n");
        (int code, string output, string error) = await Run(
            "generate", "--model", Stories, "--batch", file, "--tokens", "40", "--sequences", "6", "--pages", "12", "--step-tokens", "24",
            "--draft", "3", "--preemption", "recompute");

        Assert.Equal((0, ""), (code, error));
        string[] lines = output.Split('\n');
        for (int i = 0; i < 3; i++)
        {
            (_, string alone, _) = await Run("generate", "--model", Stories, "--prompt", prompts[i], "--tokens", "40");
            Assert.All(
                Enumerable.Range(0, 4),
                row =>
                    Assert.Equal(
                        alone[..alone.IndexOf("\n\nprompt:", StringComparison.Ordinal)].Replace("\n", "\\n", StringComparison.Ordinal),
                        lines[(row * 3) + i]));
        }

        Assert.Matches(@"Prompt tokens/s +│ +[\d.]+", output);
        Assert.Matches(@"Generated tokens +│ +480 ", output);
        Assert.Matches(@"Pages used at most +│ +\d+ of 12 ", output);
        Assert.Matches(@"Preemptions +│ +[1-9]", output);
    }

    [SkippableFact]
    public async Task VerifiesACheckpoint()
    {
        devices.OpenFirst();
        string folder = TestData.Folder("llama-gqa");
        string expected = Path.Combine(folder, "expected.safetensors");
        foreach ((string[] arguments, int runs) in ((string[], int)[])[([], 24), (["--expected", expected, "--cache", "contiguous"], 12),
            (["--cache", "paged"], 12)])
        {
            (int code, string output, string error) = await Run(["verify", "--model", folder, .. arguments]);
            Assert.Equal((0, ""), (code, error));
            Assert.Equal($"{runs} passed, 0 failed", output.TrimEnd().Split('\n')[^1]);
        }
    }

    [SkippableFact]
    public async Task VerifiesAnEncoder()
    {
        devices.OpenFirst();
        string folder = TestData.Folder("modernbert-encoder");
        (int code, string output, string error) = await Run("verify", "--model", folder);
        Assert.Equal((0, ""), (code, error));
        Assert.Equal("4 passed, 0 failed", output.TrimEnd().Split('\n')[^1]);

        // In float16 it is no more as exact as is asked for.
        (code, output, _) = await Run("verify", "--model", folder, "--attention-type", "float16");
        Assert.Equal(1, code);
        Assert.Matches(@"prompt3 +80 tokens  hidden states differ by at most \d\.\dE-00\d of the largest  FAILED", output);
    }

    /// <summary>A line of JSON for each text, of the numbers that the library gives.</summary>
    [SkippableFact]
    public async Task MakesVectorsOfTexts()
    {
        ComputeDevice device = devices.OpenFirst();
        string[] texts = ["One morning Mia", "", "a \"quoted\" é"];
        (int code, string output, string error) = await Run(["embed", "--model", Stories, .. texts]);
        Assert.Equal((0, ""), (code, error));
        string[] lines = output.TrimEnd().Split('\n');
        using TextEmbedder embedder = TextEmbedder.Load(device, Stories, capacity: 16);
        TextTokenizer tokenizer = TextTokenizer.Load(Stories);
        foreach ((int i, string text) in texts.Index())
        {
            JsonNode line = JsonNode.Parse(lines[i])!;
            int[] tokens = TextEmbedder.Tokenize(tokenizer, embedder.Config, text);
            Assert.Equal((text, tokens.Length), (line["text"]!.GetValue<string>(), line["tokens"]!.GetValue<int>()));
            float[] expected = embedder.Embed(tokens);
            Assert.Equal(expected.Length, line["embedding"]!.AsArray().Count);
            Assert.All(line["embedding"]!.AsArray(), (number, at) => Assert.Equal(expected[at], number!.GetValue<float>(), 1e-3f));
        }

        (code, output, _) = await Run("embed", "--model", Stories, "--pooling", "mean", "--no-normalize", "One morning Mia");
        double length = JsonNode.Parse(output)!["embedding"]!.AsArray().Sum(v => v!.GetValue<double>() * v!.GetValue<double>());
        Assert.True(code == 0 && Math.Abs(length - 1) > 1e-2, $"{code}: {length}");
    }

    /// <summary>Latent attention in each form with each cache, and what its figures say.</summary>
    [SkippableFact]
    public async Task RunsLatentAttentionInTheFormThatIsAskedFor()
    {
        devices.OpenFirst();
        string folder = TestData.Folder("deepseek-v3-mla");
        (int code, string output, string error) = await Run("verify", "--model", folder, "--cache", "paged");
        Assert.Equal((0, ""), (code, error));
        Assert.Equal("36 passed, 0 failed", output.TrimEnd().Split('\n')[^1]);
        Assert.Single(output.Split('\n'), line => line.EndsWith("paged cache, latent attention absorbed", StringComparison.Ordinal));

        foreach ((string[] form, string figures) in ((string[], string)[])
        [
            (["--mla", "auto"], " bytes of latents, 4 tokens attended expanded, 7 absorbed"),
            (["--expand-from", "1"], " bytes of latents, 11 tokens attended expanded, 0 absorbed"),
            (["--mla", "absorbed"], " bytes of latents, 0 tokens attended expanded, 11 absorbed"),
            (["--mla", "expanded"], " bytes of keys and values, 11 tokens attended expanded, 0 absorbed"),
        ])
        {
            (code, output, error) = await Run(
                ["generate", "--model", TestData.Folder("stories-mla"), "--prompt", "One morning Mia", "--tokens", "8", .. form]);
            Assert.Equal((0, ""), (code, error));
            Assert.EndsWith(figures, output.TrimEnd(), StringComparison.Ordinal);
        }
    }

    /// <summary>The kernels, the tiles and the form of latent attention that were chosen, with their reasons.</summary>
    [SkippableFact]
    public async Task SaysWhatItHasChosenAndWhy()
    {
        ComputeDevice device = devices.OpenFirst();
        string[] command =
            ["generate", "--model", TestData.Folder("stories-mla"), "--prompt", "One morning Mia", "--tokens", "2", "--verbose"];
        (int code, string output, string error) = await Run(command);

        Assert.Equal((0, ""), (code, error));
        string[] lines = output.TrimEnd().Split('\n')[^4..];
        Assert.StartsWith(
            "latent attention: by request, whichever form multiplies less: expanded from 2 new tokens at the beginning, 64 after 4096 "
                + "others", lines[0], StringComparison.Ordinal);
        using var absorbed = new StoriesMlaAbsorbed(device);
        Assert.Equal(
            $"StoriesMlaAbsorbed: {absorbed.Target} kernels ({absorbed.TargetReason}), prefill tile of {absorbed.Tuning}", lines[2]);
        Assert.Equal("attention in BFloat16, as the weights are", lines[1]);
        Assert.StartsWith("StoriesMlaExpanded: ", lines[3], StringComparison.Ordinal);

        using var folder = new TemporaryFolder();
        folder.Write("prompts.txt", "One morning Mia\n");
        (code, output, error) = await Run(
            "generate", "--model", TestData.Folder("stories-mla"), "--batch", Path.Combine(folder.Path, "prompts.txt"), "--tokens", "2",
            "--mla", "absorbed", "--verbose");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("\nlatent attention: absorbed, as asked for\n", output, StringComparison.Ordinal);
        Assert.Contains("StoriesMlaAbsorbedPaged: ", output, StringComparison.Ordinal);
        Assert.Matches("Tokens attended expanded, absorbed[^0-9]*0, 5 ", output);
    }

    [SkippableFact]
    public async Task VerifyFailsOnOtherWeights()
    {
        devices.OpenFirst();

        // Mistral's references for Llama's weights: same vocabulary, other logits.
        (int code, string output, _) = await Run(
            "verify", "--model", TestData.Folder("llama-gqa"), "--expected",
            Path.Combine(TestData.Folder("mistral-window"), "expected.safetensors"));

        Assert.Equal(1, code);
        Assert.Equal("0 passed, 24 failed", output.TrimEnd().Split('\n')[^1]);
    }

    [SkippableFact]
    public async Task ListsDevices()
    {
        string name = devices.OpenFirst().Capabilities.Name;
        (int code, string output, _) = await Run("devices");

        Assert.Equal(0, code);
        Assert.Contains(Regex.Replace(name, @"\s.*", ""), output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task SaysThatAnAddressIsTaken()
    {
        devices.OpenFirst();
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        (int code, _, string error) = await Run("serve", "--model", Stories, "--urls", $"http://{taken.LocalEndpoint}", "--context", "64");

        Assert.Equal(2, code);
        Assert.Contains("address already in use", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    public static TheoryData<string[], string> UserErrors => new()
    {
        { ["generate", "--model", Stories], "Either --prompt or --batch is required." },
        { ["generate", "--model", Stories, "--prompt", "x", "--batch", "y"], "Either --prompt or --batch is required." },
        { ["generate", "--model", Stories, "--batch", "y", "--cache", "contiguous"], "--batch needs a paged cache." },
        { ["generate", "--model", Stories, "--batch", "/no/such/file"], "cannot be opened" },
        { ["generate", "--model", Stories, "--batch", "y", "--sequences", "0"], "--sequences is '0', not a number from 1." },
        { ["generate", "--model", Stories, "--batch", "y", "--cache", "7"], "--cache is '7', not contiguous or paged." },
        { ["serve", "--model", Stories, "--preemption", "drop"], "--preemption is 'drop', not swap or recompute." },
        { ["serve", "--model", Stories, "--urls", "https://127.0.0.1:1"],
            "--urls is 'https://127.0.0.1:1', not addresses of the form http://HOST:PORT." },
        { ["serve", "--model", "/no/such/folder"], "CheckpointException: " },
        { ["generate", "--prompt", "x"], "Option '--model' is required." },
        { ["generate", "--model", Stories, "--prompt", "x", "--tokens", "0"], "--tokens is '0', not a number from 1." },
        { ["generate", "--model", Stories, "--prompt", "x", "--tokens", "many"], "--tokens is 'many', not a number from 1." },
        { ["generate", "--model", Stories, "--prompt", "x", "--temperature", "-1"], "--temperature is '-1', not a number from 0." },
        { ["generate", "--model", Stories, "--prompt", "x", "--top-k", "0"], "--top-k is '0', not a number from 1." },
        { ["generate", "--model", Stories, "--prompt", "x", "--top-p", "0"], "--top-p is '0', not a probability over 0." },
        { ["generate", "--model", Stories, "--prompt", "x", "--cache", "7"], "--cache is '7', not contiguous or paged." },
        { ["verify", "--model", Stories, "--cache", "ring"], "--cache is 'ring', not contiguous or paged." },
        { ["verify", "--model", Stories, "--mla", "latent"], "--mla is 'latent', not auto, absorbed or expanded." },
        { ["generate", "--model", Stories, "--prompt", "x", "--mla", "auto"],
            "is of type llama, which has no latent attention: leave out --mla" },
        { ["generate", "--model", Stories, "--prompt", "x", "--expand-from", "4"],
            "is of type llama, which has no latent attention: leave out --expand-from" },
        { ["generate", "--model", Stories, "--prompt", "x", "--mla", "absorbed", "--expand-from", "4"],
            "--expand-from goes with --mla auto." },
        { ["serve", "--model", Stories, "--expand-from", "0"], "--expand-from is '0', not a number from 1." },
        { ["verify", "--model", Stories, "--expected", "a", "--greedy", "b"], "--expected and --greedy exclude each other." },
        { ["embed", "--model", Stories], "Required argument 'TEXT' missing for command: 'embed'." },
        { ["embed", "--model", Stories, "x", "--pooling", "median"], "--pooling is 'median', not mean, cls, last or max." },
        { ["generate", "--model", TestData.Folder("modernbert-encoder"), "--prompt", "x"], "has no tokenizer: neither tokenizer.json" },
        { ["roofline", "--model", TestData.Folder("modernbert-encoder")],
            "is of type modernbert, an encoder, which has no steps to predict" },
        { ["verify", "--model", TestData.Folder("modernbert-encoder"), "--greedy", "x"],
            "is of type modernbert, an encoder, which continues no texts" },
        { ["bench", "--model", TestData.Folder("modernbert-encoder")], "is of type modernbert, an encoder: it makes vectors of texts" },
        { ["generate", "--model", Stories, "--prompt", "x", "--seed", "1.5"], "--seed is '1.5', not a whole number." },
        { ["story"], "Unrecognized command or argument 'story'." },
        { ["generate", "--model", "/no/such/folder", "--prompt", "x"], "CheckpointException: " },
        { ["generate", "--model", Stories, "--prompt", "x", "--tokens", "5000"],
            "a context of 5001 tokens exceeds the 2048 positions of the model" },
        { ["verify", "--model", Stories, "--expected", "/no/such/file.safetensors"], "cannot be opened" },
        { ["verify", "--model", Stories, "--greedy", "/no/such/file.json"], "cannot be opened" },
    };

    [Theory]
    [MemberData(nameof(UserErrors))]
    public async Task SaysWhatIsWrongAndExitsWithTwo(string[] arguments, string message)
    {
        (int code, _, string error) = await Run(arguments);

        Assert.Equal(2, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task NamesADeviceThatIsNotThere()
    {
        devices.OpenFirst();
        (int code, _, string error) = await Run("generate", "--model", Stories, "--prompt", "x", "--device", "no such device");

        Assert.Equal(2, code);
        Assert.StartsWith("DeviceSelectionException: ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    /// <summary>Numbers that are not, found by the command that was asked to; and by none that was not.</summary>
    [SkippableFact]
    public async Task SaysWhichTensorIsNotFinite()
    {
        devices.OpenFirst();
        using var folder = new TemporaryFolder();
        foreach (string file in Directory.EnumerateFiles(Stories).Where(file => !file.EndsWith(".safetensors", StringComparison.Ordinal)))
        {
            folder.Write(Path.GetFileName(file), File.ReadAllBytes(file));
        }

        // Both together are beyond float32.
        Dictionary<string, StoredTensor> tensors = StoredTensors.Read(Stories);
        foreach (string name in (string[])["model.layers.1.input_layernorm.weight", "model.layers.1.self_attn.v_proj.weight"])
        {
            tensors[name] = tensors[name] with { Values = [.. tensors[name].Values.Select(value => value * 1e30f)] };
        }

        StoredTensors.Write(folder, tensors, "F32");
        string prompts = folder.Write("prompts.txt", "One morning Mia\n");
        foreach (string[] command in (string[][])[["generate", "--prompt", "One morning Mia"], ["generate", "--batch", prompts],
            ["verify"]])
        {
            (int code, _, string error) = await Run([.. command, "--model", folder.Path, "--check-numbers"]);
            Assert.Equal(CommandRunner.UserError, code);
            Assert.Matches(
                "^NotFiniteException: Heads6Over2Of32Float32(Paged)?, layer 1: [1-9][0-9]* of [0-9]+ elements of the new values are not "
                    + "finite", error);
            (code, _, error) = await Run([.. command, "--model", Stories, "--check-numbers"]);
            Assert.Equal((0, ""), (code, error));
        }

        (int refused, _, string message) = await Run("verify", "--model", Stories, "--attention-type", "int8");
        Assert.Equal(CommandRunner.UserError, refused);
        Assert.StartsWith("--attention-type is 'int8', not float32, float16 or bfloat16.", message, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Output, string Error)> Run(params string[] arguments)
    {
        var output = new StringWriter { NewLine = "\n" };
        var error = new StringWriter { NewLine = "\n" };
        int code = await CommandRunner.RunAsync(arguments, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
