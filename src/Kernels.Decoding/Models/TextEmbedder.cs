using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Makes vectors of texts, so that texts of like meaning have vectors of like direction: with an encoder such as ModernBERT, or with a
/// decoder, whose last hidden states it takes. One text at a time; not thread-safe.
/// </summary>
public sealed class TextEmbedder : IDisposable
{
    private readonly Decoder model;

    private TextEmbedder(Decoder model, PoolingConfig pooling)
    {
        this.model = model;
        Pooling = pooling;
    }

    /// <summary>The model.</summary>
    public ModelConfig Config => model.Config;

    /// <summary>How vectors are made of hidden states.</summary>
    internal PoolingConfig Pooling { get; }

    /// <summary>Elements of a vector.</summary>
    public int Dimensions => model.Config.HiddenSize;

    /// <summary>The most tokens that a text may have.</summary>
    public int Capacity => model.Capacity;

    /// <summary>Bytes of device memory that the weights take.</summary>
    public long WeightBytes => model.WeightBytes;

    /// <summary>Loads the checkpoint in a folder onto a device.</summary>
    /// <param name="device">The device; it must outlive the embedder.</param>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="capacity">The most tokens that a text may have.</param>
    /// <exception cref="CheckpointException">The checkpoint cannot be used, or its model knows no context that long.</exception>
    /// <exception cref="ComputeException">The device cannot hold or run the model.</exception>
    public static TextEmbedder Load(ComputeDevice device, string folder, int capacity) => Load(device, folder, capacity, pooling: null);

    /// <summary>As the other, with pooling and attention of a choice.</summary>
    /// <param name="device">The device; it must outlive the embedder.</param>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="capacity">The most tokens that a text may have.</param>
    /// <param name="pooling">
    /// How vectors are made of hidden states; by default as the folder says, see <see cref="PoolingConfig.Load"/>.
    /// </param>
    /// <param name="attention">
    /// Makes the attention, as for <see cref="Decoder.Load(ComputeDevice, string, int, int, AttentionFactory?, bool)"/>.
    /// </param>
    internal static TextEmbedder Load(
        ComputeDevice device, string folder, int capacity, PoolingConfig? pooling, AttentionFactory? attention = null)
    {
        pooling ??= PoolingConfig.Load(folder, ModelConfig.Load(folder).IsEncoder);
        return new TextEmbedder(Decoder.Load(device, folder, sequences: 1, capacity, attention, writesText: false), pooling);
    }

    /// <summary>
    /// The tokens of a text as the model wants them: an encoder's begin and end with the tokens that its configuration names, others as the
    /// tokenizer says.
    /// </summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="config">The model.</param>
    /// <param name="text">The text.</param>
    public static int[] Tokenize(TextTokenizer tokenizer, ModelConfig config, string text)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(config);
        var tokens = new List<int>(config.ClassTokenId is null ? [.. tokenizer.EncodePrompt(text)] : tokenizer.Encode(text));
        if (config.ClassTokenId is { } first && (tokens.Count == 0 || tokens[0] != first))
        {
            tokens.Insert(0, first);
        }

        if (config.SeparatorTokenId is { } last && (tokens.Count == 0 || tokens[^1] != last))
        {
            tokens.Add(last);
        }

        return [.. tokens];
    }

    /// <summary>The last hidden states of a text: the residual stream after the final norm.</summary>
    /// <param name="tokens">The text, from 1 to <see cref="Capacity"/> tokens.</param>
    /// <param name="hidden">Receives them, [tokens, <see cref="Dimensions"/>].</param>
    /// <exception cref="ArgumentException">A token or a length is not allowed.</exception>
    /// <exception cref="ComputeException">The device failed.</exception>
    public void Encode(ReadOnlySpan<int> tokens, Span<float> hidden)
    {
        model.Reset(0);

        // Tokens of an encoder see those behind them, so that they run together; a decoder's may run in pieces.
        int piece = Config.IsEncoder ? Math.Max(tokens.Length, 1) : Generator.PromptPiece;
        model.ExpectLength(0, tokens.Length);
        int start = 0;
        do
        {
            int count = Math.Min(piece, tokens.Length - start);
            Span<float> target = tokens.Length == count ? hidden : hidden.Slice(start * Dimensions, count * Dimensions);
            model.Encode(0, tokens.Slice(start, count), target);
            start += count;
        }
        while (start < tokens.Length);
    }

    /// <summary>The vector of a text.</summary>
    /// <param name="tokens">The text, from 1 to <see cref="Capacity"/> tokens.</param>
    /// <returns>The vector, [<see cref="Dimensions"/>].</returns>
    /// <exception cref="ArgumentException">A token or a length is not allowed.</exception>
    /// <exception cref="ComputeException">The device failed.</exception>
    public float[] Embed(ReadOnlySpan<int> tokens)
    {
        var hidden = new float[checked(tokens.Length * Dimensions)];
        Encode(tokens, hidden);
        return Pool(hidden, Dimensions, Pooling);
    }

    /// <summary>Frees the device memory.</summary>
    public void Dispose() => model.Dispose();

    /// <summary>One vector of the hidden states of a text.</summary>
    /// <param name="hidden">[tokens, dimensions].</param>
    /// <param name="dimensions">Elements of a vector.</param>
    /// <param name="pooling">How it is made.</param>
    internal static float[] Pool(ReadOnlySpan<float> hidden, int dimensions, PoolingConfig pooling)
    {
        int tokens = hidden.Length / dimensions;
        var sums = new double[dimensions];
        for (int i = 0; i < dimensions; i++)
        {
            switch (pooling.Pooling)
            {
                case Kernels.Decoding.Pooling.First:
                    sums[i] = hidden[i];
                    break;
                case Kernels.Decoding.Pooling.Last:
                    sums[i] = hidden[((tokens - 1) * dimensions) + i];
                    break;
                default:
                    bool isMax = pooling.Pooling == Kernels.Decoding.Pooling.Max;
                    double value = isMax ? double.NegativeInfinity : 0;
                    for (int token = 0; token < tokens; token++)
                    {
                        float element = hidden[(token * dimensions) + i];
                        value = isMax ? Math.Max(value, element) : value + element;
                    }

                    sums[i] = isMax ? value : value / tokens;
                    break;
            }
        }

        double length = pooling.Normalizes ? Math.Sqrt(sums.Sum(v => v * v)) : 1;

        // A vector of zeros has no direction, and stays.
        return [.. sums.Select(v => (float)(length > 0 ? v / length : v))];
    }
}
