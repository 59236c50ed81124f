namespace Kernels.Decoding;

/// <summary>A chat cannot be written with a model's template: the template refuses it, is not well-formed, or does not end.</summary>
public sealed class ChatTemplateException : Exception
{
    internal ChatTemplateException(ChatTemplateFault fault, int line, string message)
        : base(fault == ChatTemplateFault.Refused ? message : $"line {line} of the chat template: {message}")
    {
        Fault = fault;
        Line = line;
    }

    /// <summary>What kind of failure it is.</summary>
    public ChatTemplateFault Fault { get; }

    /// <summary>The line of the template, from 1.</summary>
    public int Line { get; }
}
