using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// A decoder-only language model on a device. Tokens go in and logits come out; everything between, the KV cache included,
/// stays on the device. Not thread-safe.
/// </summary>
public sealed class Decoder : IDisposable
{
    private readonly ComputeDevice device;
    private readonly DecoderWeights weights;
    private readonly LayerKernels kernels;
    private readonly DecoderStep step;
    private readonly DecoderParts parts;
    private readonly int[] expected;
    private int[] rowNumbers = [];

    private Decoder(
        ComputeDevice device, ModelConfig config, int sequences, DecoderWeights weights, LayerKernels kernels, IDecoderAttention attention,
        DecoderParts parts)
    {
        this.device = device;
        this.weights = weights;
        this.kernels = kernels;
        this.parts = parts;
        Config = config;
        Sequences = sequences;
        Attention = attention;
        expected = new int[sequences];
        RopeConfig? byLength = config.Layers.Select(layer => layer.Rope).FirstOrDefault(
            rope => rope is not null && RotaryTable.DependsOnLength(rope, attention.Capacity));
        KeysDependOnLength = byLength is not null;
        DrawsOnDevice = device.Capabilities.Kind != DeviceKind.Cpu;
        step = new DecoderStep(device, kernels, attention, config.HiddenSize, byLength?.OriginalPositions ?? 0);
    }

    /// <summary>The model.</summary>
    public ModelConfig Config { get; }

    /// <summary>Sequences that can run side by side.</summary>
    public int Sequences { get; }

    /// <summary>The most tokens that a sequence may have.</summary>
    public int Capacity => Attention.Capacity;

    /// <summary>
    /// Whether the keys of a text's tokens depend on how long it is, so that two texts with the same beginning cannot share them
    /// (<see cref="RopeScaling.LongRope"/>).
    /// </summary>
    public bool KeysDependOnLength { get; }

    /// <summary>Bytes of device memory that the KV cache takes.</summary>
    public long CacheBytes => Attention.CacheBytes;

    /// <summary>Bytes of device memory that the weights take.</summary>
    public long WeightBytes => weights.ByteLength;

    /// <summary>The type that attention takes and gives numbers in, and of the KV cache.</summary>
    public ElementType AttentionType => Attention.Storage;

    /// <summary>The latent attention of a model that has it; else null.</summary>
    internal LatentAttention? Latent => Attention as LatentAttention;

    /// <summary>Which attention kernels run and why, for people: a line for each attention type.</summary>
    public IEnumerable<string> DescribeAttention() => Attention.Describe();

    /// <summary>The pages of the KV cache; null where it has none.</summary>
    internal IDecoderPages? Pages => Attention.Pages;

    internal LayerKernels Kernels => kernels;

    /// <summary>Whether tokens are better drawn on the device: it does not share the host's memory, or would wait for the host.</summary>
    internal bool DrawsOnDevice { get; set; }

    private IDecoderAttention Attention { get; }

    /// <summary>Loads the checkpoint in a folder onto a device.</summary>
    /// <param name="device">The device; it must outlive the decoder.</param>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="sequences">Sequences that can run side by side.</param>
    /// <param name="capacity">The most tokens that a sequence may have.</param>
    /// <exception cref="CheckpointException">
    /// The checkpoint cannot be used, or has no attention kernel, or its model knows no context that long.
    /// </exception>
    /// <exception cref="ComputeException">The device cannot hold or run the model.</exception>
    public static Decoder Load(ComputeDevice device, string folder, int sequences, int capacity) =>
        Load(device, folder, sequences, capacity, attention: null);

    /// <summary>As the other, with attention of a choice (by default contiguous), and for models that need not write text too.</summary>
    internal static Decoder Load(
        ComputeDevice device, string folder, int sequences, int capacity, AttentionFactory? attention, bool writesText = true)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sequences);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        folder = CheckpointFolder.Resolve(folder);
        ModelConfig config = ModelConfig.Load(folder);
        if (config.IsEncoder && writesText)
        {
            throw new CheckpointException(
                folder,
                $"is of type {config.ModelType}, an encoder: it makes vectors of texts ({nameof(TextEmbedder)}, 'embed') and writes none");
        }

        config.CheckContext(capacity, folder);
        using TensorSource checkpoint = CheckpointFolder.OpenTensors(folder);
        config = config with { WeightType = checkpoint.WeightType ?? config.WeightType };
        var kernels = new LayerKernels(device);
        if (device.Capabilities.Kind != DeviceKind.Cpu && writesText)
        {
            kernels.PrepareSampling();
        }

        var weights = new DecoderWeights(device, checkpoint, kernels) { TakesHead = writesText, Quantization = config.Quantization };
        weights.Own(kernels);
        IDecoderAttention? heads = null;
        try
        {
            // What the kernels of linear layers are built for is known before the weights are moved, which takes a while too.
            foreach (WeightFormat format in checkpoint.Names.Select(checkpoint.Info).Where(info => info.Shape.Length == 2)
                .Select(info => DecoderWeights.FormatOf(info.Type, config.Quantization)).OfType<WeightFormat>().Distinct())
            {
                kernels.Prepare(format);
            }

            // First what is likeliest to fail and quick to try.
            heads = (attention ?? AttentionCatalog.With(CacheKind.Contiguous))(device, config, sequences, capacity);
            DecoderParts parts = Architecture.Find(config.ModelType)!.Build(weights, config, capacity);
            return new Decoder(device, config, sequences, weights, kernels, heads, parts);
        }
        catch
        {
            heads?.Dispose();
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Tokens of a sequence that are in the cache.</summary>
    public int Length(int sequence) => Attention.Length(CheckSequence(sequence));

    /// <summary>Empties a sequence.</summary>
    public void Reset(int sequence)
    {
        Attention.Reset(CheckSequence(sequence));
        expected[sequence] = 0;
    }

    /// <summary>
    /// Tells how long a sequence is going to be at least, as when a prompt runs in pieces. Models with <see cref="RopeScaling.LongRope"/>
    /// turn the tokens of texts that are longer than their original positions by other angles, from the first token on; others need not be
    /// told.
    /// </summary>
    /// <remarks>
    /// A text that grows longer only while it is generated has its new tokens turned so from there on; the keys of those before stay as
    /// they are in the cache. Unless told otherwise, a step that begins a sequence is its whole prompt.
    /// </remarks>
    /// <param name="sequence">The sequence.</param>
    /// <param name="tokens">Tokens that it has in all, once those of its prompt are run.</param>
    public void ExpectLength(int sequence, int tokens) => expected[CheckSequence(sequence)] = tokens;

    /// <summary>Runs the next tokens of one sequence; see the other overload.</summary>
    public void Forward(int sequence, ReadOnlySpan<int> tokens, LogitRows rows, Span<float> logits) =>
        Forward(tokens, [(sequence, tokens.Length)], rows, logits);

    /// <summary>
    /// Runs the next tokens of one or more sequences, and waits for their logits. If it throws once the device has begun,
    /// the sequences of the step must be reset.
    /// </summary>
    /// <param name="tokens">The tokens, packed in the order of <paramref name="sequences"/>.</param>
    /// <param name="sequences">Each sequence that takes part, once, with the number of its new tokens, at least 1.</param>
    /// <param name="rows">Which logits are wanted.</param>
    /// <param name="logits">Receives the logits, [rows, vocabulary], in the order of <paramref name="tokens"/>.</param>
    /// <exception cref="ArgumentException">A token, a sequence or a length is not allowed; nothing has changed.</exception>
    /// <exception cref="ComputeException">The device failed.</exception>
    /// <exception cref="NotFiniteException">The device checks numbers, and a layer's attention has one that is not finite.</exception>
    public void Forward(ReadOnlySpan<int> tokens, ReadOnlySpan<(int Sequence, int Tokens)> sequences, LogitRows rows, Span<float> logits)
    {
        int count = rows == LogitRows.All ? tokens.Length : sequences.Length;
        if (rowNumbers.Length < count)
        {
            rowNumbers = new int[count];
        }

        Span<int> numbers = rowNumbers.AsSpan(0, count);
        int last = -1;
        for (int i = 0; i < count; i++)
        {
            last += rows == LogitRows.All ? 1 : sequences[i].Tokens;
            numbers[i] = last;
        }

        Forward(tokens, sequences, numbers, logits);
    }

    /// <inheritdoc cref="Forward(ReadOnlySpan{int}, ReadOnlySpan{ValueTuple{int, int}}, LogitRows, Span{float})"/>
    /// <param name="tokens">The tokens, packed in the order of <paramref name="sequences"/>.</param>
    /// <param name="sequences">Each sequence that takes part, once, with the number of its new tokens, at least 1.</param>
    /// <param name="rows">The places in <paramref name="tokens"/> after which logits are wanted, ascending; may be empty.</param>
    /// <param name="logits">Receives the logits, [rows, vocabulary].</param>
    public void Forward(
        ReadOnlySpan<int> tokens, ReadOnlySpan<(int Sequence, int Tokens)> sequences, ReadOnlySpan<int> rows, Span<float> logits) =>
        Forward(tokens, sequences, rows, logits, [], []);

    /// <inheritdoc cref="Forward(ReadOnlySpan{int}, ReadOnlySpan{ValueTuple{int, int}}, ReadOnlySpan{int}, Span{float})"/>
    /// <param name="tokens">The tokens, packed in the order of <paramref name="sequences"/>.</param>
    /// <param name="sequences">Each sequence that takes part, once, with the number of its new tokens, at least 1.</param>
    /// <param name="rows">The places in <paramref name="tokens"/> after which logits are wanted, ascending; may be empty.</param>
    /// <param name="logits">Receives the logits, [rows, vocabulary].</param>
    /// <param name="vectorRows">The places whose vectors are wanted, ascending; may be empty.</param>
    /// <param name="vectors">Receives what the final norm gives for them, [vectorRows, hidden].</param>
    public void Forward(
        ReadOnlySpan<int> tokens, ReadOnlySpan<(int Sequence, int Tokens)> sequences, ReadOnlySpan<int> rows, Span<float> logits,
        ReadOnlySpan<int> vectorRows, Span<float> vectors)
    {
        if (parts.Head is null && !rows.IsEmpty)
        {
            throw new InvalidOperationException("The model was loaded without its output head.");
        }

        CheckRows(tokens.Length, vectorRows);
        if (vectors.Length != (long)vectorRows.Length * Config.HiddenSize)
        {
            throw new ArgumentException(
                $"Expected room for {vectorRows.Length} × {Config.HiddenSize} elements, got {vectors.Length}.", nameof(vectors));
        }

        CheckStep(tokens, sequences);
        CheckRows(tokens.Length, rows);
        int hidden = Config.HiddenSize;
        int vocabulary = Config.VocabularySize;
        if (logits.Length != (long)rows.Length * vocabulary)
        {
            throw new ArgumentException($"Expected room for {rows.Length} × {vocabulary} logits, got {logits.Length}.", nameof(logits));
        }

        DeviceBuffer<float> residual = Run(tokens, sequences);
        if (!vectorRows.IsEmpty)
        {
            DeviceBuffer<float> source = vectorRows.Length == tokens.Length ? residual : Take(residual, vectorRows);
            DeviceBuffer<float> target = step.Scratch("normed", hidden);
            parts.FinalNorm.Apply(step, source, target, vectorRows.Length);
            device.Queue.Read(target, vectors);
        }

        if (rows.IsEmpty)
        {
            device.Queue.Finish();
            return;
        }

        device.Queue.Read(Logits(residual, tokens.Length, rows), logits);
    }

    /// <summary>Enqueues the next tokens of one or more sequences and draws of tokens behind them, and returns at once.</summary>
    /// <param name="tokens">
    /// As for <see cref="Forward(ReadOnlySpan{int}, ReadOnlySpan{ValueTuple{int, int}}, ReadOnlySpan{int}, Span{float})"/>; −1 − r is the
    /// token that the call before draws in row r.
    /// </param>
    /// <param name="sequences">Each sequence that takes part, once, with the number of its new tokens, at least 1.</param>
    /// <param name="rows">The places in <paramref name="tokens"/> after which tokens are drawn, ascending, at least one.</param>
    /// <param name="draws">How, a draw for each row.</param>
    /// <param name="drawn">Gets the tokens.</param>
    /// <exception cref="ArgumentException">A token, a sequence or a length is not allowed; nothing has changed.</exception>
    /// <exception cref="ComputeException">The device failed.</exception>
    internal void Submit(
        ReadOnlySpan<int> tokens, ReadOnlySpan<(int Sequence, int Tokens)> sequences, ReadOnlySpan<int> rows, StepDraws draws,
        DrawnTokens drawn)
    {
        CheckStep(tokens, sequences, mayBeDrawn: true);
        CheckRows(tokens.Length, rows);
        ArgumentOutOfRangeException.ThrowIfNotEqual(draws.Rows, rows.Length, nameof(draws));
        ArgumentOutOfRangeException.ThrowIfZero(rows.Length, nameof(rows));
        DeviceBuffer<float> logits = Logits(Run(tokens, sequences, draws), tokens.Length, rows);
        drawn.ReadLogits(logits, draws.WantedLogits);
        drawn.Read(step.Draw(logits, draws, Config.VocabularySize), rows.Length);
    }

    /// <summary>Room for the tokens that <see cref="Submit"/> draws.</summary>
    internal DrawnTokens CreateDrawnTokens() => new(device, Config.VocabularySize);

    /// <summary>
    /// Runs the next tokens of one sequence, and waits for their last hidden states: the residual stream after the final norm.
    /// </summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="tokens">The tokens, at least 1.</param>
    /// <param name="hidden">Receives the hidden states, [tokens, hidden].</param>
    /// <exception cref="ArgumentException">A token, the sequence or a length is not allowed; nothing has changed.</exception>
    /// <exception cref="ComputeException">The device failed.</exception>
    public void Encode(int sequence, ReadOnlySpan<int> tokens, Span<float> hidden)
    {
        ReadOnlySpan<(int, int)> one = [(sequence, tokens.Length)];
        CheckStep(tokens, one);
        if (hidden.Length != (long)tokens.Length * Config.HiddenSize)
        {
            throw new ArgumentException(
                $"Expected room for {tokens.Length} × {Config.HiddenSize} numbers, got {hidden.Length}.", nameof(hidden));
        }

        DeviceBuffer<float> residual = Run(tokens, one);
        DeviceBuffer<float> normed = step.Scratch("normed", Config.HiddenSize);
        parts.FinalNorm.Apply(step, residual, normed, tokens.Length);
        device.Queue.Read(normed, hidden);
    }

    /// <summary>Frees the weights, the cache and the activations.</summary>
    public void Dispose()
    {
        step.Dispose();
        Attention.Dispose();
        weights.Dispose();
    }

    // Enqueues the head behind some tokens.
    private DeviceBuffer<float> Logits(DeviceBuffer<float> residual, int tokens, ReadOnlySpan<int> rows)
    {
        int vocabulary = Config.VocabularySize;
        DeviceBuffer<float> wanted = rows.Length == tokens ? residual : Take(residual, rows);
        DeviceBuffer<float> output = step.Scratch("logits", rows.Length, vocabulary);
        parts.Head!.ApplyNormed(step, parts.FinalNorm, wanted, output, rows.Length);
        if (Config.LogitScale != 1)
        {
            kernels.Scale(output, Config.LogitScale, (long)rows.Length * vocabulary);
        }

        if (Config.LogitSoftcap > 0)
        {
            kernels.Softcap(output, Config.LogitSoftcap, (long)rows.Length * vocabulary);
        }

        return output;
    }

    // Enqueues the layers, and gives the residual stream behind them.
    private DeviceBuffer<float> Run(ReadOnlySpan<int> tokens, ReadOnlySpan<(int Sequence, int Tokens)> sequences, StepDraws? draws = null)
    {
        step.Begin(tokens, sequences, expected, draws);
        Attention.Begin(sequences);
        DeviceBuffer<float> residual = step.Scratch("residual", Config.HiddenSize);
        parts.Embedding.Apply(step, residual);
        for (int layer = 0; layer < parts.Layers.Length; layer++)
        {
            parts.Layers[layer].Apply(step, residual);
        }

        return residual;
    }

    // The rows of these numbers, packed; rows side by side move in one copy.
    private DeviceBuffer<float> Take(DeviceBuffer<float> residual, ReadOnlySpan<int> rows)
    {
        int hidden = Config.HiddenSize;
        DeviceBuffer<float> taken = step.Scratch("taken", rows.Length, hidden);
        for (int first = 0, end; first < rows.Length; first = end)
        {
            end = first + 1;
            while (end < rows.Length && rows[end] == rows[end - 1] + 1)
            {
                end++;
            }

            device.Queue.SubmitCopy(residual, (long)rows[first] * hidden, taken, (long)first * hidden, (long)(end - first) * hidden);
        }

        return taken;
    }

    private static void CheckRows(int tokens, ReadOnlySpan<int> rows)
    {
        int previous = -1;
        foreach (int row in rows)
        {
            if (row <= previous || row >= tokens)
            {
                throw new ArgumentException($"Row {row} is not after row {previous}, or not one of {tokens} tokens.", nameof(rows));
            }

            previous = row;
        }
    }

    private void CheckStep(ReadOnlySpan<int> tokens, ReadOnlySpan<(int Sequence, int Tokens)> sequences, bool mayBeDrawn = false)
    {
        long total = 0;
        for (int i = 0; i < sequences.Length; i++)
        {
            (int sequence, int count) = sequences[i];
            int length = Length(sequence);
            if (count < 1 || count > Capacity - length)
            {
                throw new ArgumentException(
                    $"Sequence {sequence} has {length} of {Capacity} tokens; expected 1 to {Capacity - length} more, got {count}.",
                    nameof(sequences));
            }

            for (int j = 0; j < i; j++)
            {
                if (sequences[j].Sequence == sequence)
                {
                    throw new ArgumentException($"Sequence {sequence} takes part twice in one step.", nameof(sequences));
                }
            }

            total += count;
        }

        if (total != tokens.Length || tokens.IsEmpty)
        {
            throw new ArgumentException($"The sequences have {total} new tokens in all; got {tokens.Length}.", nameof(tokens));
        }

        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)Config.VocabularySize && !(mayBeDrawn && token < 0))
            {
                throw new ArgumentException($"Token {token} is not from 0 to {Config.VocabularySize - 1}.", nameof(tokens));
            }
        }
    }

    private int CheckSequence(int sequence) =>
        (uint)sequence < (uint)Sequences
            ? sequence
            : throw new ArgumentOutOfRangeException(nameof(sequence), sequence, $"Expected a sequence from 0 to {Sequences - 1}.");
}
