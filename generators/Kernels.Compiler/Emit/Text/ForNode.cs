namespace Kernels.Compiler.Emit.Text;

/// <summary><c>//: for name in list</c>, <c>//: for name in 0..count</c>.</summary>
internal sealed record ForNode(int Line, string Name, string List, IReadOnlyList<TemplateNode> Body) : TemplateNode(Line);
