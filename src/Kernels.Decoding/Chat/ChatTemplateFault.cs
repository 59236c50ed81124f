namespace Kernels.Decoding;

/// <summary>Why a chat could not be written.</summary>
public enum ChatTemplateFault
{
    /// <summary>The template is not well-formed, or has a tag that is not supported.</summary>
    Syntax,

    /// <summary>An operation of the template cannot be done with the chat's values.</summary>
    Value,

    /// <summary>The template called <c>raise_exception</c>; the message is the template's own.</summary>
    Refused,

    /// <summary>The template takes more steps, characters or depth than it may.</summary>
    Limit,
}
