namespace Kernels.Decoding;

/// <summary>What a node of a <see cref="JsonGrammar"/> stands for.</summary>
internal enum JsonNodeKind
{
    /// <summary>One of some texts.</summary>
    Literals,

    /// <summary>A number.</summary>
    Number,

    /// <summary>A number without a fraction or an exponent.</summary>
    Integer,

    /// <summary>A string.</summary>
    String,

    /// <summary>An array.</summary>
    Array,

    /// <summary>An object.</summary>
    Object,

    /// <summary>What one of some nodes stands for.</summary>
    Any,
}
