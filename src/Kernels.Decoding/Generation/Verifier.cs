using System.Collections.Immutable;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>Compares a decoder with the outputs of a reference implementation.</summary>
internal static class Verifier
{
    /// <summary>
    /// Reads the prompts of an <c>expected.safetensors</c>: <c>promptI.input_ids</c>, <c>promptI.logits</c> and <c>promptI.greedy</c>, I
    /// from 0.
    /// </summary>
    /// <exception cref="CheckpointException">The file cannot be used.</exception>
    public static ImmutableArray<ReferencePrompt> ReadExpected(string path)
    {
        using SafeTensors file = SafeTensors.Open(path);
        ImmutableArray<ReferencePrompt>.Builder prompts = ImmutableArray.CreateBuilder<ReferencePrompt>();
        for (int i = 0; file.Contains($"prompt{i}.input_ids"); i++)
        {
            prompts.Add(new ReferencePrompt(
                $"prompt{i}",
                file.Read<int>($"prompt{i}.input_ids").ToArray(),
                file.Read<float>($"prompt{i}.logits").ToArray(),
                file.Read<int>($"prompt{i}.greedy").ToArray()));
        }

        return prompts.Count > 0 ? prompts.ToImmutable() : throw new CheckpointException(path, "has no tensor 'prompt0.input_ids'");
    }

    /// <summary>
    /// Reads the prompts of a <c>greedy.json</c>: a list <c>short</c> of <c>prompt</c>, <c>greedy_tokens</c> and
    /// <c>greedy_text</c>, and a list <c>long</c> of <c>prompt</c>, <c>all_tokens_with_bos</c> and <c>text</c>, prompt included.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <exception cref="CheckpointException">The file cannot be used, or its tokens do not begin with the prompt's.</exception>
    public static ImmutableArray<ReferencePrompt> ReadGreedy(string path, TextTokenizer tokenizer)
    {
        using JsonDocument document = JsonFile.Open(path);
        ImmutableArray<ReferencePrompt>.Builder prompts = ImmutableArray.CreateBuilder<ReferencePrompt>();
        foreach ((string name, ConfigReader entry) in Entries("short"))
        {
            prompts.Add(new ReferencePrompt(
                name, [.. tokenizer.EncodePrompt(entry.Text("prompt"))], [], [.. entry.TokenIds("greedy_tokens")],
                entry.Text("greedy_text")));
        }

        foreach ((string name, ConfigReader entry) in Entries("long"))
        {
            string prompt = entry.Text("prompt");
            string text = entry.Text("text");
            int[] tokens = [.. tokenizer.EncodePrompt(prompt)];
            int[] all = [.. entry.TokenIds("all_tokens_with_bos")];
            if (!all.AsSpan().StartsWith(tokens) || !text.StartsWith(prompt, StringComparison.Ordinal))
            {
                throw new CheckpointException(path, $"{name}: the tokens or the text do not begin with those of the prompt");
            }

            prompts.Add(new ReferencePrompt(name, tokens, [], all[tokens.Length..], text[prompt.Length..]));
        }

        if (prompts.FirstOrDefault(p => p.Greedy.Length == 0) is { } empty)
        {
            throw new CheckpointException(path, $"{empty.Name}: has no tokens to compare");
        }

        return prompts.Count > 0 ? prompts.ToImmutable() : throw new CheckpointException(
            path, "has neither a list 'short' nor a list 'long' with prompts");

        IEnumerable<(string Name, ConfigReader Entry)> Entries(string list) =>
            document.RootElement.ValueKind == JsonValueKind.Object
            && document.RootElement.TryGetProperty(list, out JsonElement array) && array.ValueKind == JsonValueKind.Array
                ? array.EnumerateArray().Select((e, i) => ($"{list}{i}", new ConfigReader(path, e)))
                : [];
    }

    /// <summary>The largest difference of an encoder's hidden states that passes, as a part of the largest of them.</summary>
    public const double EncoderTolerance = 1e-4;

    /// <summary>
    /// Reads the texts of an encoder's <c>expected.safetensors</c>: <c>promptI.input_ids</c> and <c>promptI.hidden</c>, I from 0.
    /// </summary>
    /// <exception cref="CheckpointException">The file cannot be used.</exception>
    public static ImmutableArray<ReferenceText> ReadExpectedStates(string path)
    {
        using SafeTensors file = SafeTensors.Open(path);
        ImmutableArray<ReferenceText>.Builder texts = ImmutableArray.CreateBuilder<ReferenceText>();
        for (int i = 0; file.Contains($"prompt{i}.input_ids"); i++)
        {
            texts.Add(
                new ReferenceText(
                    $"prompt{i}", file.Read<int>($"prompt{i}.input_ids").ToArray(), file.Read<float>($"prompt{i}.hidden").ToArray()));
        }

        return texts.Count > 0 ? texts.ToImmutable() : throw new CheckpointException(path, "has no tensor 'prompt0.input_ids'");
    }

    /// <summary>Runs a text through an encoder.</summary>
    /// <param name="embedder">The encoder.</param>
    /// <param name="text">A text that fits.</param>
    /// <returns>
    /// The largest difference from the reference's hidden states, as a part of the largest of them; not a number if one of them is not.
    /// </returns>
    /// <exception cref="CheckpointException">The reference's hidden states are not of the model's size.</exception>
    public static double Run(TextEmbedder embedder, ReferenceText text)
    {
        if (text.Hidden.Length != (long)text.Tokens.Length * embedder.Dimensions)
        {
            throw new CheckpointException(
                text.Name, $"has {text.Hidden.Length} hidden states; {text.Tokens.Length} tokens of {embedder.Dimensions} were expected");
        }

        var hidden = new float[text.Hidden.Length];
        embedder.Encode(text.Tokens, hidden);
        return MaxDifference(hidden, text.Hidden) / text.Hidden.Max(v => Math.Abs((double)v));
    }

    /// <summary>Whether a decoder of this capacity has room for a prompt and at least the first token after it.</summary>
    public static bool Fits(ReferencePrompt prompt, int capacity) => prompt.Tokens.Length <= capacity;

    /// <summary>Runs a prompt from an empty sequence, and its greedy continuation as far as there is room.</summary>
    /// <param name="decoder">The decoder; its sequence 0 is used.</param>
    /// <param name="prompt">A prompt that fits.</param>
    /// <param name="form">In which steps to run the prompt.</param>
    /// <param name="tokenizer">The model's tokenizer, if there is a text to compare.</param>
    /// <exception cref="CheckpointException">The reference's logits are not of the model's vocabulary.</exception>
    public static PromptResult Run(Decoder decoder, ReferencePrompt prompt, PromptForm form, TextTokenizer? tokenizer = null)
    {
        int vocabulary = decoder.Config.VocabularySize;
        int length = prompt.Tokens.Length;
        bool hasLogits = prompt.Logits.Length > 0;
        if (hasLogits && prompt.Logits.Length != (long)length * vocabulary)
        {
            throw new CheckpointException(
                prompt.Name, $"has {prompt.Logits.Length} logits; {length} tokens of a vocabulary of {vocabulary} were expected");
        }

        decoder.Reset(0);
        decoder.ExpectLength(0, length);
        int first = form switch
        {
            PromptForm.Prefill => length,
            PromptForm.PrefillThenDecode => Math.Max(1, length / 2),
            PromptForm.Decode => 1,
            _ => throw new ArgumentOutOfRangeException(nameof(form), form, "No such form."),
        };
        var logits = new float[hasLogits ? (long)length * vocabulary : vocabulary];
        Step(0, first);
        for (int i = first; i < length; i++)
        {
            Step(i, 1);
        }

        // The last token of the continuation is not run, so it needs no room.
        int compared = Math.Min(prompt.Greedy.Length, decoder.Capacity - length + 1);
        var greedy = new int[compared];
        Span<float> last = logits.AsSpan(logits.Length - vocabulary);
        double? difference = hasLogits ? MaxDifference(logits, prompt.Logits) : null;
        double tolerance = PromptResult.ToleranceOf(
            decoder.AttentionType, decoder.Config.Layers.Length, Deviation(hasLogits ? prompt.Logits : last));
        int agreed = 0, ties = 0;
        for (int i = 0; i < compared; i++)
        {
            if (i > 0)
            {
                decoder.Forward(0, [greedy[i - 1]], LogitRows.Last, last);
            }

            greedy[i] = Sampler.Greedy(last);
            if (greedy[i] == prompt.Greedy[i])
            {
                agreed++;
                continue;
            }

            // The reference's logits, where they are known, else these, of which each may be off by the tolerance. What follows a tie is
            // compared on the reference's way.
            ReadOnlySpan<float> judge = i == 0 && hasLogits ? prompt.Logits.AsSpan(prompt.Logits.Length - vocabulary) : last;
            double gap = (uint)prompt.Greedy[i] < (uint)vocabulary
                ? Math.Abs((double)judge[greedy[i]] - judge[prompt.Greedy[i]]) : double.NaN;
            if (!(gap <= 2 * tolerance))
            {
                break;
            }

            greedy[i] = prompt.Greedy[i];
            agreed++;
            ties++;
        }

        bool? text = prompt.Text is null || tokenizer is null || compared < prompt.Greedy.Length || agreed < compared
            ? null
            : tokenizer.Decode(greedy) == prompt.Text;
        return new PromptResult(prompt, form, difference, compared, agreed, text) 
        {
            Tolerance = tolerance,
            Ties = ties,
            RowsBeyond = hasLogits ? Beyond(logits, prompt.Logits, vocabulary, tolerance) : 0,
            RowsAllowed = decoder.Config.Experts is not null && decoder.AttentionType != ElementType.Float32 ? (length + 7) / 8 : 0,
        };

        void Step(int start, int count)
        {
            Span<float> target = hasLogits ? logits.AsSpan(start * vocabulary, count * vocabulary) : logits;
            decoder.Forward(0, prompt.Tokens.AsSpan(start, count), hasLogits ? LogitRows.All : LogitRows.Last, target);
        }
    }

    /// <summary>The largest absolute difference; not a number if one of the numbers is not.</summary>
    private static double MaxDifference(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        double largest = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs((double)actual[i] - expected[i]));
        }

        return largest;
    }

    private static int Beyond(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected, int vocabulary, double tolerance)
    {
        int rows = 0;
        for (int i = 0; i < actual.Length; i += vocabulary)
        {
            rows += MaxDifference(actual.Slice(i, vocabulary), expected.Slice(i, vocabulary)) <= tolerance ? 0 : 1;
        }

        return rows;
    }

    private static double Deviation(ReadOnlySpan<float> values)
    {
        double sum = 0, squares = 0;
        foreach (float value in values)
        {
            sum += value;
            squares += (double)value * value;
        }

        double mean = sum / values.Length;
        return Math.Sqrt(Math.Max(0, (squares / values.Length) - (mean * mean)));
    }
}
