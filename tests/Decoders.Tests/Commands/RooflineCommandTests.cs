using System.Text.RegularExpressions;
using Xunit;

namespace Decoders.Tests;

[Collection(DeviceCollection.Name)]
public sealed class RooflineCommandTests(Devices devices)
{
    [Fact]
    public async Task PrintsWhatASpecTakesOfAKnownDevice()
    {
        using var folder = new TemporaryFolder();
        string picture = folder.File("roofline.png");
        (int code, string output, string error) = await Run(
            "roofline", "--spec", "Heads32Over8Of128Paged", "--layers", "32", "--device-profile", "h200", "--batch", "1,64", "--context",
            "8192", "--plot", picture);

        Assert.Equal((0, ""), (code, error));
        Assert.Contains(
            "KV cache: 131,072 bytes a token (4,096 a layer), 16,384 FLOPs a query and key of a layer", output, StringComparison.Ordinal);
        Assert.Contains("ridge at 206 FLOP/byte", output, StringComparison.Ordinal);

        // 1 GiB of cache over 4.8 TB/s; what queries and new tokens add is below the last digit.
        Assert.Matches(@"│ 1 +│ +8,192 │ +1\.001 GiB │ +4\.295 G │ +4 │ +memory │ +224 µs │ +4,4\d\d │", output);
        Assert.Matches(@"│ MLA +│ +1 │ +576, 512 │ +36,864 │ +7\.0 % │", output);
        Assert.Matches(@"│ most sequences +│ +8,192 │ +131 │ +1 GiB │ +512 │", output);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(picture)[..4]);
    }

    [Fact]
    public async Task PrintsWhatNumbersMean()
    {
        (int code, string output, string error) = await Run(
            "roofline", "--heads", "128", "--head-dim", "128", "--latent", "512", "--rope-dim", "64", "--layers", "61", "--cache-type",
            "bfloat16", "--device-profile", "MI300X", "--context", "100");

        Assert.Equal((0, ""), (code, error));
        Assert.Contains(
            "KV cache: 70,272 bytes a token (1,152 a layer), 278,528 FLOPs a query and key of a layer", output, StringComparison.Ordinal);
        Assert.Matches(@"│ MLA +│ +1 │ +576, 512 │ +70,272 │", output);
        (_, output, _) = await Run(
            "roofline", "--heads", "128", "--head-dim", "128", "--latent", "512", "--rope-dim", "64", "--cache-type", "fp8",
            "--device-profile", "MI300X");
        Assert.Contains("KV cache: 656 bytes a token (656 a layer)", output, StringComparison.Ordinal);
        (_, output, _) = await Run(
            "roofline", "--heads", "32", "--kv-heads", "8", "--head-dim", "128", "--window", "4096", "--cache-type", "int8",
            "--device-profile", "MI300X");
        Assert.Contains("KV cache: 2,112 bytes a token (2,112 a layer)", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PrintsTheMemoryOfAModelFromItsConfigurationAlone()
    {
        using var folder = new TemporaryFolder();
        folder.Write(ModelConfig.FileName, PublishedModels.Llama2);
        (int code, string output, string error) = await Run(
            "roofline", "--model", folder.Path, "--device-profile", "A100", "--batch", "1,16", "--context", "4096");

        Assert.Equal((0, ""), (code, error));
        Assert.Contains("Weights: 6.738 G parameters in Float16, 13,477,363,712 bytes (12.55 GiB)", output, StringComparison.Ordinal);
        Assert.Matches(@"│ gate and up +│ +32 │ +\[22016, 4096\] │ +5,771,362,304 │", output);
        Assert.Contains(
            "Largest buffers: 250 MiB of weights, 512 MiB of keys or values of a layer. With a cache for 16 × 4,096 tokens (32 GiB) the "
                + "model takes 44.55 GiB.", output, StringComparison.Ordinal);

        // (80 GB − weights) / 2 GiB.
        Assert.Matches(@"│ most sequences +│ +4,096 │ +30 │ +2 GiB │", output);
        (_, output, _) = await Run(
            "roofline", "--model", folder.Path, "--device-profile", "RTX 4090", "--cache", "paged", "--context", "4096", "--batch", "1");
        Assert.Matches(@"│ longest context +│ +20,064 │", output);
    }

    [SkippableFact]
    public async Task MeasuresAttentionAndStepsBesideThePrediction()
    {
        devices.OpenFirst();
        (int code, string output, string error) = await Run(
            "roofline", "--spec", "StoriesMlaAbsorbed", "--measure", "--batch", "2", "--context", "64");
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(
            2,
            Regex.Count(
                output,
                @"│ +[\d.]+ (µs|ms|s) │ +[\d,.E+]+ │ +[\d.]+ (µs|ms|s) │ +[\d,.E+]+ │ +\d+\.\d\d │ +[\d.]+ .?B/s, [\d.]+ .?FLOP/s, overlap [01]\.\d\d │"));

        Assert.Matches("\nMeasured: StoriesMlaAbsorbed: [A-Z][a-z]+ kernels \\(.+\\), prefill tile of ", output);

        (code, output, error) = await Run(
            "roofline", "--model", TestData.Folder("deepseek-v3-mla"), "--measure", "--batch", "1,2", "--context", "32",
            "--phase", "decode");
        Assert.Equal((0, ""), (code, error));
        Assert.DoesNotContain("Prefill", output, StringComparison.Ordinal);
        Assert.Equal(
            2,
            Regex.Count(
                output,
                @"│ +[\d.]+ (µs|ms|s) │ +[\d,.E+]+ │ +[\d.]+ (µs|ms|s) │ +[\d,.E+]+ │ +\d+\.\d\d │ +[\d.]+ .?B/s, [\d.]+ .?FLOP/s, overlap [01]\.\d\d │"));

        (code, output, error) = await Run("roofline", "--heads", "5", "--head-dim", "24", "--measure", "--batch", "1", "--context", "32");
        Assert.Equal((0, ""), (code, error));

        // No type of this shape was compiled in: its kernels are emitted for the occasion.
        Assert.Matches("\nMeasured: Heads5Over5Of24Float16: [A-Z][a-z]+ kernels ", output);
    }

    public static TheoryData<string[], string> UserErrors => new()
    {
        { [], "One of --model, --spec and --heads is required." },
        { ["--spec", "Heads32Over8Of128", "--heads", "4"], "One of --model, --spec and --heads is required." },
        { ["--spec", "Heads3"], "--spec is 'Heads3', not one of StoriesGqa, " },
        { ["--heads", "4"], "--heads needs --head-dim." },
        { ["--heads", "4", "--head-dim", "64", "--kv-heads", "3"], "--kv-heads is 3, not a divisor of --heads, 4." },
        { ["--spec", "Heads32Over8Of128", "--kv-heads", "3"], "--kv-heads goes with --heads." },
        { ["--model", "/no/such/folder", "--layers", "3"], "--layers goes with --spec or --heads." },
        { ["--model", "/no/such/folder", "--device-profile", "H100"], "CheckpointException: " },
        { ["--heads", "0", "--head-dim", "64"], "--heads is '0', not a number from 1 to 1048576." },
        { ["--heads", "4", "--head-dim", "64", "--cache-type", "int3"],
            "--cache-type is 'int3', not one of float32, float16, bfloat16, int8, int4, fp8." },
        { ["--heads", "4", "--head-dim", "64", "--batch", "1,x"], "--batch is '1,x', not numbers from 1, separated by commas." },
        { ["--heads", "4", "--head-dim", "64", "--phase", "both"], "--phase is 'both', not decode or prefill." },
        { ["--heads", "4", "--head-dim", "64", "--device-profile", "Z80"], "--device-profile is 'Z80', not one of H200, " },
        { ["--heads", "4", "--head-dim", "64", "--device-profile", "H100", "--measure"],
            "--measure needs a device at hand: leave out --device-profile." },
        { ["--heads", "4", "--head-dim", "64", "--device-profile", "H100", "--plot", "/no/such/folder/x.png"], "cannot be written" },
    };

    [Theory]
    [MemberData(nameof(UserErrors))]
    public async Task SaysWhatIsWrongAndExitsWithTwo(string[] arguments, string message)
    {
        (int code, _, string error) = await Run(["roofline", .. arguments]);
        Assert.Equal(2, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Output, string Error)> Run(params string[] arguments)
    {
        var output = new StringWriter { NewLine = "\n" };
        var error = new StringWriter { NewLine = "\n" };
        int code = await CommandRunner.RunAsync(arguments, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
