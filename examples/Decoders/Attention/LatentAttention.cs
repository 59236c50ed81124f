using System.Numerics;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>Makes expanded attention of one layer for a number of sequences of up to a number of tokens.</summary>
public delegate IDecoderAttention ExpandedFactory(int sequences, int capacity);

/// <summary>
/// Latent attention (MLA) in either form. What is cached is <see cref="LatentConfig.Absorbed"/>, or with
/// <see cref="MlaForm.Expanded"/> <see cref="LatentConfig.Expanded"/>. With <see cref="MlaForm.Auto"/> a step that begins all its
/// sequences attends expanded too: the keys and values of its tokens go to a cache of one layer, which all layers use in turn.
/// </summary>
/// <remarks>
/// For a token, making queries of latents and values of outputs costs as much as expanding a latent row does, and attending a key
/// costs 2·rank + rope multiplications instead of nope + rope + value. So expanding pays where each row is expanded once: when the
/// context is the step.
/// </remarks>
public sealed class LatentAttention : IDecoderAttention
{
    private readonly MlaForm form;
    private readonly IDecoderAttention cached;
    private readonly ExpandedFactory createExpanded;
    private IDecoderAttention? expanded;
    private int expandedSequences;

    /// <param name="form">How it runs.</param>
    /// <param name="cached">The attention over the cache, of all layers; it is taken over.</param>
    /// <param name="createExpanded">Makes the attention of a layer in passing.</param>
    public LatentAttention(MlaForm form, IDecoderAttention cached, ExpandedFactory createExpanded)
    {
        this.form = form;
        this.cached = cached;
        this.createExpanded = createExpanded;
    }

    /// <inheritdoc/>
    public int Capacity => cached.Capacity;

    /// <inheritdoc/>
    public long CacheBytes => cached.CacheBytes;

    /// <inheritdoc/>
    public IDecoderPages? Pages => cached.Pages;

    /// <summary>Whether the cache is of latents, so that every step appends its own.</summary>
    public bool CachesLatents => form != MlaForm.Expanded;

    /// <summary>Whether the step attends expanded.</summary>
    public bool IsExpanded { get; private set; }

    /// <summary>Tokens that attended expanded, so far.</summary>
    public long ExpandedTokens { get; private set; }

    /// <summary>Tokens that attended absorbed, so far.</summary>
    public long AbsorbedTokens { get; private set; }

    /// <inheritdoc/>
    public int Length(int sequence) => cached.Length(sequence);

    /// <inheritdoc/>
    public void Begin(ReadOnlySpan<(int Sequence, int Tokens)> step)
    {
        int tokens = 0;
        bool begins = true;
        foreach ((int sequence, int count) in step)
        {
            tokens += count;
            begins &= cached.Length(sequence) == 0;
        }

        // A token alone has no keys to save on.
        IsExpanded = form == MlaForm.Expanded || (form == MlaForm.Auto && begins && tokens > step.Length);
        ExpandedTokens += IsExpanded ? tokens : 0;
        AbsorbedTokens += IsExpanded ? 0 : tokens;
        cached.Begin(step);
        if (IsExpanded && CachesLatents)
        {
            BeginInPassing(step);
        }
    }

    /// <inheritdoc/>
    public void Append(int layer, DeviceBuffer<float> k, DeviceBuffer<float> v, AttentionInputs inputs) => cached.Append(layer, k, v, inputs);

    /// <inheritdoc/>
    public void Attend(int layer, DeviceBuffer<float> q, DeviceBuffer<float> o, AttentionInputs inputs) => cached.Attend(layer, q, o, inputs);

    /// <summary>Enqueues one layer of a step that attends expanded.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="q">The queries, [tokens, H, d].</param>
    /// <param name="k">The keys, [tokens, H, d].</param>
    /// <param name="v">The values, [tokens, H, d_v].</param>
    /// <param name="o">Takes the outputs, [tokens, H, d_v].</param>
    /// <param name="inputs">What the layer's attention takes besides.</param>
    public void AttendExpanded(
        int layer, DeviceBuffer<float> q, DeviceBuffer<float> k, DeviceBuffer<float> v, DeviceBuffer<float> o, AttentionInputs inputs)
    {
        (IDecoderAttention attention, int place) = CachesLatents ? (expanded!, 0) : (cached, layer);
        attention.Append(place, k, v, inputs);
        attention.Attend(place, q, o, inputs);
    }

    /// <inheritdoc/>
    public void Reset(int sequence) => cached.Reset(sequence);

    /// <inheritdoc/>
    public void Dispose()
    {
        expanded?.Dispose();
        cached.Dispose();
    }

    private void BeginInPassing(ReadOnlySpan<(int Sequence, int Tokens)> step)
    {
        var places = new (int Sequence, int Tokens)[step.Length];
        int longest = 0;
        for (int i = 0; i < places.Length; i++)
        {
            places[i] = (i, step[i].Tokens);
            longest = Math.Max(longest, step[i].Tokens);
        }

        if (expanded is null || expandedSequences < places.Length || expanded.Capacity < longest)
        {
            // Rounded up, so that steps that grow a little each time do not each make a new one.
            int capacity = Math.Min(Capacity, Math.Max((int)BitOperations.RoundUpToPowerOf2((uint)longest), expanded?.Capacity ?? 0));
            expandedSequences = Math.Max(expandedSequences, places.Length);
            expanded?.Dispose();
            expanded = null;
            expanded = createExpanded(expandedSequences, capacity);
        }

        for (int i = 0; i < places.Length; i++)
        {
            expanded.Reset(i);
        }

        expanded.Begin(places);
    }
}
