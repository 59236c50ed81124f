using System.Text.Json.Nodes;
using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>
/// The same tensors under the names that files have had for them: with and without what is around the model, and of tied ends either.
/// </summary>
[Collection(DeviceCollection.Name)]
public sealed class CheckpointNamesTests(Devices devices)
{
    /// <summary>Tied weights of which the file kept the head only.</summary>
    [SkippableTheory]
    [InlineData("gpt2-mha", "transformer.wte.weight")]
    [InlineData("bloom-alibi", "transformer.word_embeddings.weight")]
    [InlineData("smollm3-nope", "model.embed_tokens.weight")]
    [InlineData("gemma-mqa", "model.embed_tokens.weight")]
    public void TiedEndsMayBeStoredAsTheHead(string name, string embedding) =>
        AssertSame(name, tensor => tensor == embedding ? "lm_head.weight" : tensor);

    /// <summary>Of the bare model, which has no head and needs none where the ends are tied.</summary>
    [SkippableTheory]
    [InlineData("gpt2-mha", "transformer.")]
    [InlineData("smollm3-nope", "model.")]
    [InlineData("gpt-neox-parallel", "gpt_neox.")]
    public void NamesMayLackThePrefix(string name, string prefix) =>
        AssertSame(name, tensor => tensor.StartsWith(prefix, StringComparison.Ordinal) ? tensor[prefix.Length..] : tensor);

    /// <summary>Gemma-3 with a vision tower, as it was published and as newer transformers writes it: the tower is not read.</summary>
    [SkippableTheory]
    [InlineData("language_model.model.")]
    [InlineData("model.language_model.")]
    public void TheTextModelMayBePartOfAnother(string prefix) => AssertSame(
        "gemma3-two-ropes",
        tensor => prefix + tensor["model.".Length..],
        config => new JsonObject { ["model_type"] = "gemma3", ["text_config"] = config },
        weights => weights.Add("vision_tower.vision_model.post_layernorm.weight", new StoredTensor([3], [1, 2, 3])));

    /// <summary>An encoder with a head for masked words, as the published ones are.</summary>
    [SkippableFact]
    public void EncodersMayHaveAPrefix()
    {
        ComputeDevice device = devices.OpenFirst();
        string folder = TestData.Folder("modernbert-encoder");
        using var renamed = new TemporaryFolder();
        renamed.Write(ModelConfig.FileName, File.ReadAllText(Path.Combine(folder, ModelConfig.FileName)));
        StoredTensors.Write(renamed, StoredTensors.Read(folder).ToDictionary(t => "model." + t.Key, t => t.Value), "F32");
        using TextEmbedder expected = TextEmbedder.Load(device, folder, capacity: 16);
        using TextEmbedder actual = TextEmbedder.Load(device, renamed.Path, capacity: 16);
        Assert.Equal(expected.Embed([1, 2, 3]), actual.Embed([1, 2, 3]));
    }

    /// <summary>A decoder without its head makes vectors, and says what it lacks to write text.</summary>
    [SkippableFact]
    public void VectorsNeedNoHead()
    {
        ComputeDevice device = devices.OpenFirst();
        string folder = TestData.Folder("llama-gqa");
        using var bare = new TemporaryFolder();
        bare.Write(ModelConfig.FileName, File.ReadAllText(Path.Combine(folder, ModelConfig.FileName)));
        StoredTensors.Write(
            bare, StoredTensors.Read(folder).Where(t => t.Key != "lm_head.weight").ToDictionary(
                t => t.Key.Replace("model.", "", StringComparison.Ordinal), t => t.Value), "F32");
        using TextEmbedder expected = TextEmbedder.Load(device, folder, capacity: 16);
        using TextEmbedder actual = TextEmbedder.Load(device, bare.Path, capacity: 16);
        Assert.Equal(expected.Embed([1, 2, 3]), actual.Embed([1, 2, 3]));
        Assert.Contains(
            "has no tensor 'lm_head.weight'", Assert.Throws<CheckpointException>(() => Decoder.Load(device, bare.Path, 1, 16)).Message,
            StringComparison.Ordinal);
    }

    private void AssertSame(
        string name, Func<string, string> rename, Func<JsonNode, JsonObject>? wrap = null,
        Action<Dictionary<string, StoredTensor>>? add = null)
    {
        ComputeDevice device = devices.OpenFirst();
        string folder = TestData.Folder(name);
        JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, ModelConfig.FileName)))!;
        using var renamed = new TemporaryFolder();
        renamed.Write(ModelConfig.FileName, (wrap?.Invoke(config) ?? config).ToJsonString());
        var weights = StoredTensors.Read(folder).ToDictionary(t => rename(t.Key), t => t.Value);
        add?.Invoke(weights);
        StoredTensors.Write(renamed, weights, "F32");
        Assert.Equal(Logits(folder), Logits(renamed.Path));

        float[] Logits(string checkpoint)
        {
            using Decoder decoder = Decoder.Load(device, checkpoint, sequences: 1, capacity: 32);
            var logits = new float[20 * decoder.Config.VocabularySize];
            decoder.Forward(0, [.. Enumerable.Range(5, 20)], LogitRows.All, logits);
            return logits;
        }
    }
}
