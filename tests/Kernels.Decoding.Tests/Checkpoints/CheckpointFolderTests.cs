using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>What a path may be, and what people are told where it holds something else.</summary>
public sealed class CheckpointFolderTests
{
    [Theory]
    [InlineData("pytorch_model.bin", "pickle")]
    [InlineData("pytorch_model-00001-of-00002.bin", "pickle")]
    [InlineData("consolidated.00.pth", "pickle")]
    [InlineData("consolidated.safetensors", "Mistral")]
    [InlineData("model-00001-of-00002.safetensors", "index")]
    [InlineData("adapter_model.safetensors", "adapter")]
    [InlineData("a.gguf", "a.gguf")]
    public void WhatIsThereInsteadOfWeightsIsTold(string name, string told)
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", "{}");
        folder.Write(name, "x");
        Assert.Contains(
            told, Assert.Throws<CheckpointException>(() => SafeTensors.Open(folder.Path)).Message, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("config.json")]
    [InlineData("m.gguf")]
    public void PointersOfGitLfsAreNamed(string name)
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write(name, "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n");
        Action open = name switch
        {
            "config.json" => () => ModelConfig.Load(folder.Path),
            "m.gguf" => () => ModelConfig.Load(path),
            _ => () => SafeTensors.Open(folder.Path),
        };
        Assert.Contains("git lfs pull", Assert.Throws<CheckpointException>(open).Message);
    }

    [Fact]
    public void HubNamesAndMissingFoldersAreTold()
    {
        Assert.Contains("hub", Assert.Throws<CheckpointException>(() => ModelConfig.Load("meta-llama/Llama-3.2-1B")).Message);
        Assert.DoesNotContain("hub", Assert.Throws<CheckpointException>(() => ModelConfig.Load("/nowhere/at/all")).Message);
        using var empty = new TemporaryFolder();
        Assert.Contains("empty", Assert.Throws<CheckpointException>(() => ModelConfig.Load(empty.Path)).Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ACacheFoldersSnapshotIsFound(bool hasMain)
    {
        using var folder = new TemporaryFolder();
        string root = folder.File("models--org--some-model");
        string old = Path.Combine(root, "snapshots", "aaa1"), wanted = Path.Combine(root, "snapshots", "bbb2");
        foreach (string snapshot in (string[])[old, wanted])
        {
            Directory.CreateDirectory(snapshot);
            File.WriteAllText(Path.Combine(snapshot, "config.json"), "{}");
        }

        Directory.SetLastWriteTimeUtc(hasMain ? old : wanted, DateTime.UtcNow.AddHours(1));
        if (hasMain)
        {
            Directory.CreateDirectory(Path.Combine(root, "refs"));
            File.WriteAllText(Path.Combine(root, "refs", "main"), "bbb2\n");
        }

        Assert.Equal(wanted, CheckpointFolder.Resolve(root));
        Assert.Equal(wanted, CheckpointFolder.Resolve(Path.Combine(root, "snapshots")));
        Assert.Equal(wanted, CheckpointFolder.Resolve(wanted));
        Assert.All([root, wanted, wanted + "/"], path => Assert.Equal("org/some-model", CheckpointFolder.NameOf(path)));
        Assert.Equal("x", CheckpointFolder.NameOf(folder.File("x.gguf")));
    }

    [Fact]
    public void ACacheFolderWithoutSnapshotsIsNamed()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("models--a--b"));
        Assert.Contains("cache", Assert.Throws<CheckpointException>(() => CheckpointFolder.Resolve(folder.File("models--a--b"))).Message);
    }

    /// <summary>A quantisation that is not read is refused by name, and by what to do instead.</summary>
    [Theory]
    [InlineData("""{"quant_method": "gptq", "bits": 4}""", "gptq")]
    [InlineData("""{"quant_method": "awq", "bits": 4}""", "awq")]
    [InlineData("""{"quant_method": "bitsandbytes", "load_in_4bit": true}""", "bitsandbytes")]
    [InlineData("""{"load_in_8bit": true}""", "bitsandbytes")]
    [InlineData("""{"quant_method": "compressed-tensors", "format": "float-quantized"}""", "compressed-tensors")]
    [InlineData("""{"quant_method": "fp8", "activation_scheme": "static"}""", "weight_block_size")]
    [InlineData("""{"quant_method": "fp8", "fmt": "e5m2", "weight_block_size": [128, 128]}""", "e5m2")]
    [InlineData("""{"quant_method": "fp8", "weight_block_size": [128]}""", "weight_block_size")]
    public void OtherQuantisationsAreNamed(string quantization, string told)
    {
        using var folder = new TemporaryFolder();
        string config = File.ReadAllText(Path.Combine(TestData.Folder("llama-gqa"), "config.json")).TrimEnd().TrimEnd('}');
        folder.Write("config.json", $"{config}, \"quantization_config\": {quantization}}}");
        Assert.Contains(told, Assert.Throws<CheckpointException>(() => ModelConfig.Load(folder.Path)).Message);
    }

    [Theory]
    [InlineData("model.layers.*.self_attn", "model.layers.3.self_attn.q_proj", false)]
    [InlineData("model.layers.*.self_attn", "model.layers.3.mlp.up_proj", true)]
    [InlineData("lm_head", "lm_head", false)]
    [InlineData("model.layers.0.mlp.gate", "model.layers.0.mlp.gate_proj", true)]
    [InlineData("gate", "model.layers.0.mlp.gate", false)]
    public void ModulesThatAreNotConvertedAreFound(string pattern, string module, bool converts) =>
        Assert.Equal(converts, new QuantizationConfig(QuantizationMethod.Fp8Blocks) { NotConverted = [pattern] }.Converts(module));
}
