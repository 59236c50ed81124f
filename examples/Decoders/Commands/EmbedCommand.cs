using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>Makes vectors of texts.</summary>
internal static class EmbedCommand
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        Option<string> model = CommandRunner.ModelOption();
        Option<string?> device = CommandRunner.DeviceOption();
        Option<ElementType?> attentionType = CommandRunner.AttentionTypeOption();
        var pooling = new Option<Pooling?>("--pooling")
        {
            Description =
                "How one vector is made of those of the tokens; by default what the checkpoint's 1_Pooling/config.json says, else the "
                    + "mean of an encoder's, and the last of a decoder's.",
            HelpName = "mean|cls|last|max",
            CustomParser = ParsePooling,
        };
        var raw = new Option<bool>("--no-normalize") { Description = "Do not divide vectors by their length." };
        var texts = new Argument<string[]>("texts") { Description = "The texts.", HelpName = "TEXT", Arity = ArgumentArity.OneOrMore };
        var command = new Command("embed", "Makes vectors of texts, a line of JSON each: {\"text\": …, \"tokens\": …, \"embedding\": […]}.")
        {
            model,
            pooling,
            raw,
            attentionType,
            device,
            texts,
        };
        command.SetBody((result, output, cancellation) => Run(
            result.GetRequiredValue(model),
            result.GetRequiredValue(texts),
            result.GetValue(pooling),
            result.GetValue(raw),
            result.GetValue(attentionType),
            () => CommandRunner.OpenDevice(result.GetValue(device)),
            output,
            cancellation));
        return command;
    }

    private static int Run(
        string folder, string[] texts, Pooling? asked, bool raw, ElementType? type, Func<ComputeDevice> open, TextWriter output,
        CancellationToken cancellation)
    {
        ModelConfig config = ModelConfig.Load(folder);
        PoolingConfig pooling = PoolingConfig.Load(folder, config.IsEncoder);
        pooling = pooling with { Pooling = asked ?? pooling.Pooling, Normalizes = pooling.Normalizes && !raw };
        TextTokenizer tokenizer = TextTokenizer.Load(folder);
        int[][] tokens = [.. texts.Select(text => TextEmbedder.Tokenize(tokenizer, config, text))];
        if (Array.FindIndex(tokens, t => t.Length == 0) is >= 0 and int empty)
        {
            throw new CheckpointException(
                folder,
                string.Create(CultureInfo.InvariantCulture, $"has no token that begins a text, so text {empty + 1} cannot be empty"));
        }

        int capacity = tokens.Max(t => t.Length);
        config.CheckContext(capacity, folder);
        using ComputeDevice device = open();
        using TextEmbedder embedder = CommandRunner.WithStatus(
            $"Loading {folder} on {device}",
            _ => TextEmbedder.Load(device, folder, capacity, pooling, AttentionCatalog.With(CacheKind.Contiguous, type: type)));
        for (int i = 0; i < texts.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            output.WriteLine(Line(texts[i], tokens[i].Length, embedder.Embed(tokens[i])));
        }

        return 0;
    }

    private static string Line(string text, int tokens, float[] vector)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, Readable))
        {
            json.WriteStartObject();
            json.WriteString("text", text);
            json.WriteNumber("tokens", tokens);
            json.WriteStartArray("embedding");
            foreach (float element in vector)
            {
                json.WriteNumberValue(element);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    private static Pooling? ParsePooling(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        Pooling? pooling = text switch
        {
            "mean" => Pooling.Mean,
            "cls" => Pooling.First,
            "last" => Pooling.Last,
            "max" => Pooling.Max,
            _ => null,
        };
        if (pooling is null)
        {
            result.AddError($"--pooling is '{text}', not mean, cls, last or max.");
        }

        return pooling;
    }
}
