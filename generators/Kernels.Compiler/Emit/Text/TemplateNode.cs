namespace Kernels.Compiler.Emit.Text;

/// <summary>A part of a template: a line of text, or a directive with what stands in it.</summary>
/// <param name="Line">Where it stands in its file, from 1.</param>
internal abstract record TemplateNode(int Line);
