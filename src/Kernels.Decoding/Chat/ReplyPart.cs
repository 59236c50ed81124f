namespace Kernels.Decoding;

/// <summary>A part of a reply: text, or a call.</summary>
internal readonly record struct ReplyPart(string? Text, ToolCall? Call);
