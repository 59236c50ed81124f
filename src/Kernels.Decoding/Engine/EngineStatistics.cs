namespace Kernels.Decoding;

/// <summary>What an engine has done and holds, as of its last step. Counts are since its start.</summary>
public sealed record EngineStatistics
{
    /// <summary>Sequences that take part in steps.</summary>
    public int Running { get; init; }

    /// <summary>Sequences that were preempted and wait to go on.</summary>
    public int Preempted { get; init; }

    /// <summary>Pages that sequences hold.</summary>
    public int PagesUsed { get; init; }

    /// <summary>Pages that can be had at once; those with reusable prefixes are among them.</summary>
    public int PagesFree { get; init; }

    /// <summary>The most pages that sequences ever held.</summary>
    public int PagesUsedAtMost { get; init; }

    /// <summary>Steps.</summary>
    public long Steps { get; init; }

    /// <summary>Requests that have ended, in whatever way.</summary>
    public long Requests { get; init; }

    /// <summary>Tokens of prompts that were run, those run again after a preemption included.</summary>
    public long PromptTokens { get; init; }

    /// <summary>Tokens that did not run because their keys and values were cached.</summary>
    public long ReusedTokens { get; init; }

    /// <summary>Tokens that were generated.</summary>
    public long GeneratedTokens { get; init; }

    /// <summary>Tokens whose latent attention ran expanded; 0 where attention is another.</summary>
    public long ExpandedTokens { get; init; }

    /// <summary>Tokens whose latent attention ran absorbed; 0 where attention is another.</summary>
    public long AbsorbedTokens { get; init; }

    /// <summary>Tokens that were guessed.</summary>
    public long DraftTokens { get; init; }

    /// <summary>Guessed tokens that were right.</summary>
    public long AcceptedDraftTokens { get; init; }

    /// <summary>Times that a sequence gave its pages up to others.</summary>
    public long Preemptions { get; init; }
}
