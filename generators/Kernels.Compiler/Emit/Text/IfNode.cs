namespace Kernels.Compiler.Emit.Text;

/// <summary><c>//: if</c>, <c>//: elif</c>, <c>//: else</c>: the first branch whose condition holds.</summary>
internal sealed record IfNode(int Line, IReadOnlyList<(Condition Condition, IReadOnlyList<TemplateNode> Body)> Branches)
    : TemplateNode(Line);
