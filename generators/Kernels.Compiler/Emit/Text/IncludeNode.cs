namespace Kernels.Compiler.Emit.Text;

/// <summary>
/// <c>//: include file(hole: text, …)</c>; <c>//: once</c> does so unless the kernel has the same text already, and adds a line after it.
/// A name that holes make can be empty: then there is nothing to include.
/// </summary>
internal sealed record IncludeNode(
    int Line, string Indent, FilledText Name, IReadOnlyList<(string Hole, FilledText Text)> Arguments, bool IsOnce) : TemplateNode(Line);
