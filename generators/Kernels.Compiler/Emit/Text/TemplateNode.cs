namespace Kernels.Compiler.Emit.Text;

/// <summary>A part of a template: a line of text, or a directive with what stands in it.</summary>
/// <param name="Line">Where it stands in its file, from 1.</param>
internal abstract record TemplateNode(int Line);

/// <summary>A line of text with holes.</summary>
/// <param name="Line">Where it stands.</param>
/// <param name="Indent">What stands before its first character.</param>
/// <param name="Text">What follows.</param>
internal sealed record TextNode(int Line, string Indent, FilledText Text) : TemplateNode(Line);

/// <summary><c>//: if</c>, <c>//: elif</c>, <c>//: else</c>: the first branch whose condition holds.</summary>
internal sealed record IfNode(int Line, IReadOnlyList<(Condition Condition, IReadOnlyList<TemplateNode> Body)> Branches) : TemplateNode(Line);

/// <summary><c>//: for name in list</c>, <c>//: for name in 0..count</c>.</summary>
internal sealed record ForNode(int Line, string Name, string List, IReadOnlyList<TemplateNode> Body) : TemplateNode(Line);

/// <summary>
/// <c>//: include file(hole: text, …)</c>; <c>//: once</c> does so unless the kernel has the same text already, and adds a line after it.
/// A name that holes make can be empty: then there is nothing to include.
/// </summary>
internal sealed record IncludeNode(
    int Line, string Indent, FilledText Name, IReadOnlyList<(string Hole, FilledText Text)> Arguments, bool IsOnce) : TemplateNode(Line);
