namespace Kernels;

/// <summary>
/// Marks the method that says which keys a query sees in an attention spec. The generator translates it to OpenCL C; a key that it, or the
/// spec's own mask or window, hides takes no part in the softmax.
/// </summary>
/// <remarks>
/// A static method of a type with <see cref="AttentionKernelAttribute"/>, at most one:
/// <code>
/// [MaskMod]
/// static bool Visible(int batch, int head, int query, int key, ReadOnlySpan&lt;int&gt; documents) =>
///     documents[query] == documents[key] &amp;&amp; key &lt;= query;
/// </code>
/// The first four parameters and the return type are fixed; they, the inputs after them, what a body may contain, and what an integer
/// division by zero gives, are those of <see cref="ScoreModAttribute"/>. An input with the name and type of one of the score mod's is the
/// same input. The generated type's <c>CreateBlockMask</c> asks the method once about a whole step, so that its launches leave out tiles of
/// keys that no query sees.
/// </remarks>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = false, Inherited = false)]
public sealed class MaskModAttribute : Attribute;
