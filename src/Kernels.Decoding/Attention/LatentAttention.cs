using System.Globalization;
using System.Numerics;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Latent attention (MLA) in either form. What is cached is <see cref="LatentConfig.Absorbed"/>, or with
/// <see cref="MlaForm.Expanded"/> <see cref="LatentConfig.Expanded"/>. With <see cref="MlaForm.Auto"/> each request of a step goes the
/// way that takes less arithmetic, <see cref="LatentConfig.ExpandingPays"/>: tokens one by one attend absorbed, prompts and pieces of
/// prompts expanded. Those have the latents of their whole context made into keys and values, in a cache of one layer that all
/// layers use in turn.
/// </summary>
internal sealed class LatentAttention : IDecoderAttention
{
    // What pieces of long prompts may take in passing; beyond it they attend absorbed.
    private const long MostBytesInPassing = 1L << 30;

    private readonly ComputeDevice device;
    private readonly LatentConfig latent;
    private readonly MlaForm form;
    private readonly int? expandFrom;
    private readonly IDivisibleAttention cached;
    private readonly ExpandedFactory createExpanded;
    private IDivisibleAttention? expanded;
    private DeviceRopeTable? noTurns;
    private DeviceBuffer<int>? slots;
    private int expandedSequences;
    private int[] hostSlots = [];

    // What the attention in passing appends, and what of it attends.
    private (int Sequence, int Tokens)[] appended = [];
    private (int Sequence, int Tokens)[] attending = [];

    /// <param name="device">The device.</param>
    /// <param name="latent">The attention.</param>
    /// <param name="form">How it runs.</param>
    /// <param name="expandFrom">
    /// With <see cref="MlaForm.Auto"/>, new tokens from which on a request attends expanded; by default where it takes less arithmetic.
    /// </param>
    /// <param name="cached">The attention over the cache, of all layers; it is taken over.</param>
    /// <param name="createExpanded">Makes the attention of a layer in passing.</param>
    public LatentAttention(
        ComputeDevice device, LatentConfig latent, MlaForm form, int? expandFrom, IDivisibleAttention cached,
        ExpandedFactory createExpanded)
    {
        this.device = device;
        this.latent = latent;
        this.form = form;
        this.expandFrom = expandFrom;
        this.cached = cached;
        this.createExpanded = createExpanded;
    }

    /// <inheritdoc/>
    public ElementType Storage => cached.Storage;

    /// <inheritdoc/>
    public int Capacity => cached.Capacity;

    /// <inheritdoc/>
    public long CacheBytes => cached.CacheBytes;

    /// <inheritdoc/>
    public IDecoderPages? Pages => cached.Pages;

    /// <summary>Whether the cache is of latents, so that every step appends its own.</summary>
    public bool CachesLatents => form != MlaForm.Expanded;

    /// <summary>What of the step attends absorbed.</summary>
    public StepPart Absorbed { get; } = new();

    /// <summary>What of the step attends expanded.</summary>
    public StepPart Expanded { get; } = new();

    /// <summary>Latent rows of the step that are made into keys and values: those of all the tokens that its expanded part sees.</summary>
    public int ExpandedRows { get; private set; }

    /// <summary>Tokens that attended expanded, so far.</summary>
    public long ExpandedTokens { get; private set; }

    /// <summary>Tokens that attended absorbed, so far.</summary>
    public long AbsorbedTokens { get; private set; }

    private bool CanReadRows => cached.RowType is ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16;

    /// <inheritdoc/>
    public int Length(int sequence) => cached.Length(sequence);

    /// <inheritdoc/>
    public void Begin(ReadOnlySpan<(int Sequence, int Tokens)> step)
    {
        Divide(step);
        AbsorbedTokens += Absorbed.Tokens;
        ExpandedTokens += Expanded.Tokens;
        cached.Begin(step);
        if (!CachesLatents || Expanded.Tokens == 0)
        {
            return;
        }

        if (Absorbed.Tokens > 0)
        {
            cached.Attending(Absorbed.Sequences);
        }

        BeginInPassing();
    }

    /// <inheritdoc/>
    public void Append(int layer, DeviceBuffer k, DeviceBuffer v, AttentionInputs inputs) => cached.Append(layer, k, v, inputs);

    /// <summary>Enqueues a layer's attention over the cache, of what attends absorbed.</summary>
    /// <inheritdoc/>
    public void Attend(int layer, DeviceBuffer q, DeviceBuffer o, AttentionInputs inputs) => cached.Attend(layer, q, o, inputs);

    /// <summary>Enqueues the reading of the latent rows that the step expands, once the layer's new ones are written.</summary>
    /// <param name="kernels">What reads them.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="rows">Takes them, [<see cref="ExpandedRows"/>, latent | rope], turned by their positions.</param>
    public void ReadRows(LayerKernels kernels, int layer, DeviceBuffer<float> rows) =>
        kernels.TakeRows(cached.Rows(layer), cached.RowType, latent.LatentWidth, slots!, rows, ExpandedRows);

    /// <summary>Enqueues a layer's attention of what attends expanded.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="q">The queries, [tokens, H, d].</param>
    /// <param name="k">The keys, [tokens, H, d]; over a cache of latents those of <see cref="ReadRows"/>, turned already.</param>
    /// <param name="v">The values of the same tokens, [tokens, H, d_v].</param>
    /// <param name="o">Takes the outputs, [tokens, H, d_v].</param>
    /// <param name="inputs">What the layer's attention takes besides.</param>
    public void AttendExpanded(
        int layer, DeviceBuffer q, DeviceBuffer k, DeviceBuffer v, DeviceBuffer o, AttentionInputs inputs)
    {
        (IDecoderAttention attention, int place, AttentionInputs appending) = CachesLatents
            ? (expanded!, 0, inputs with { Rope = noTurns })
            : (cached, layer, inputs);
        attention.Append(place, k, v, appending);
        attention.Attend(place, q, o, inputs);
    }

    /// <inheritdoc/>
    public void Reset(int sequence) => cached.Reset(sequence);

    /// <inheritdoc/>
    public IEnumerable<string> Describe()
    {
        string choice = form switch
        {
            MlaForm.Auto when !CanReadRows => $"absorbed, as rows in {cached.RowType} are not read back",
            MlaForm.Auto when expandFrom is { } from => string.Create(
                CultureInfo.InvariantCulture, $"expanded for {from} new tokens of a request or more, else absorbed, as asked for"),
            MlaForm.Auto => string.Create(
                CultureInfo.InvariantCulture,
                $"by request, whichever form multiplies less: expanded from {LeastExpanded(0)} new tokens at the "
                    + $"beginning{(LeastExpanded(4096) is { } least ? $", {least} after 4096 others" : "")}, else absorbed"),
            _ => (form == MlaForm.Absorbed ? "absorbed" : "expanded") + ", as asked for",
        };
        return [$"latent attention: {choice}", .. cached.Describe(), .. expanded?.Describe() ?? []];

        int? LeastExpanded(int context) => Enumerable.Range(2, 4096).Select(tokens => (int?)tokens).FirstOrDefault(
            tokens => latent.ExpandingPays(tokens!.Value, context));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        slots?.Dispose();
        noTurns?.Dispose();
        expanded?.Dispose();
        cached.Dispose();
    }

    /// <summary>Gives each sequence of a step to a form.</summary>
    private void Divide(ReadOnlySpan<(int Sequence, int Tokens)> step)
    {
        Absorbed.Clear();
        Expanded.Clear();
        ExpandedRows = 0;
        long most = MostBytesInPassing / ((long)sizeof(float) * latent.Heads * (latent.NopeDim + latent.HeadDim + latent.ValueDim));
        int first = 0, longest = 0;
        foreach ((int sequence, int tokens) in step)
        {
            int context = cached.Length(sequence);
            int length = context + tokens;
            bool expands = form switch
            {
                MlaForm.Auto when !CanReadRows => false,
                MlaForm.Auto when expandFrom is { } from => tokens >= from,
                MlaForm.Auto => latent.ExpandingPays(tokens, context)
                    && (context == 0 || (Expanded.Sequences.Length + 1L) * Math.Max(longest, length) <= most),
                _ => form == MlaForm.Expanded,
            };
            (expands ? Expanded : Absorbed).Add(sequence, first, tokens);
            ExpandedRows += expands ? length : 0;
            longest = expands ? Math.Max(longest, length) : longest;
            first += tokens;
        }
    }

    private void BeginInPassing()
    {
        ReadOnlySpan<(int Sequence, int Tokens)> step = Expanded.Sequences;
        if (appended.Length < step.Length)
        {
            appended = new (int, int)[step.Length];
            attending = new (int, int)[step.Length];
        }

        if (hostSlots.Length < ExpandedRows)
        {
            hostSlots = new int[Rounded(ExpandedRows)];
            slots?.Dispose();
            slots = null;
            slots = device.Allocate<int>(hostSlots.Length);
        }

        int next = 0, longest = 0;
        for (int i = 0; i < step.Length; i++)
        {
            (int sequence, int tokens) = step[i];
            int length = cached.Length(sequence);
            appended[i] = (i, length);
            attending[i] = (i, tokens);
            cached.Slots(sequence, hostSlots.AsSpan(next, length));
            next += length;
            longest = Math.Max(longest, length);
        }

        // Blocking, but the queue is empty: a step ends with reading its logits.
        device.Queue.Write(slots!, hostSlots.AsSpan(0, next));
        MakeRoom(step.Length, longest);
        for (int i = 0; i < step.Length; i++)
        {
            expanded!.Reset(i);
        }

        expanded!.Begin(appended.AsSpan(0, step.Length));
        expanded.Attending(attending.AsSpan(0, step.Length));
    }

    private void MakeRoom(int sequences, int length)
    {
        if (expanded is not null && expandedSequences >= sequences && expanded.Capacity >= length)
        {
            return;
        }

        int capacity = Math.Min(Capacity, Math.Max(Rounded(length), expanded?.Capacity ?? 0));
        expandedSequences = Math.Max(expandedSequences, sequences);
        expanded?.Dispose();
        expanded = null;
        expanded = createExpanded(expandedSequences, capacity);
        noTurns?.Dispose();
        noTurns = null;
        noTurns = new DeviceRopeTable(device, new Kernels.RopeTable(capacity, new double[latent.RopeDim / 2]));
    }

    // So that steps that grow a little each time do not each make something new.
    private static int Rounded(int length) => (int)Math.Min(BitOperations.RoundUpToPowerOf2((uint)length), int.MaxValue);
}
