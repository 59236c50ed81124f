
namespace Kernels.Decoding;

/// <summary>
/// What a decoder's cache can do when it is paged: sequences take pages as they grow, share those of a common prefix, and move to
/// host memory and back. Sequences are numbered as the decoder's. Not thread-safe.
/// </summary>
internal interface IDecoderPages
{
    /// <summary>Tokens of a page.</summary>
    int PageSize { get; }

    /// <summary>Pages of the cache; each serves all layers.</summary>
    int PageCount { get; }

    /// <summary>What the pages are used for.</summary>
    PagePoolStatistics Statistics { get; }

    /// <summary>Tokens of a sequence that are in the cache, reserved ones not counted.</summary>
    int Length(int sequence);

    /// <summary>Takes the pages for the tokens that a sequence has in the next step; the step must then have just as many of it.</summary>
    /// <returns>False when there are not enough pages; nothing has changed then.</returns>
    /// <exception cref="InvalidOperationException">The sequence has tokens reserved already, or is swapped out.</exception>
    bool TryReserve(int sequence, int tokens);

    /// <summary>Shortens a sequence to its first <paramref name="length"/> tokens, as after speculation.</summary>
    void Truncate(int sequence, int length);

    /// <summary>Begins an empty sequence with published pages that hold the first of its tokens, as many as there are.</summary>
    /// <returns>Tokens that the sequence has now.</returns>
    int AdoptPrefix(int sequence, ReadOnlySpan<int> tokens);

    /// <summary>Tells which tokens a sequence's pages hold, after the step that wrote them, so that others can adopt them.</summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="tokens">Its tokens from the first one on.</param>
    void Publish(int sequence, ReadOnlySpan<int> tokens);

    /// <summary>
    /// Moves what a sequence holds to host memory, and gives up its pages but for those that others use too. A second call gives up
    /// those that nobody else uses any more.
    /// </summary>
    void SwapOut(int sequence);

    /// <summary>Brings a swapped-out sequence back.</summary>
    /// <returns>False when there are not enough pages; nothing has changed then.</returns>
    bool TrySwapIn(int sequence);
}
