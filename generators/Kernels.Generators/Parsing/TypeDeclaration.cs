using Kernels.Compiler;
using Kernels.Compiler.Specs;

namespace Kernels.Generators.Parsing;

/// <summary>How to reopen the type that carries a spec: its namespace, the types around it, and its own name. Compared by content.</summary>
/// <param name="Namespace">The namespace as it is written in code, empty for the global one.</param>
/// <param name="Containing">Heads of the types around it, outermost first, such as <c>partial class Model</c>.</param>
/// <param name="Identifier">The type's name as it is written in code: with an @ where it is a keyword.</param>
/// <param name="Name">The type's name.</param>
/// <param name="FileName">A name for files, unique whatever the case of its letters.</param>
internal sealed record TypeDeclaration(string Namespace, EquatableArray<string> Containing, string Identifier, string Name, string FileName);

/// <summary>A spec that breaks no rule, and the type it is declared on: all that the generator's output depends on.</summary>
internal sealed record SpecModel(TypeDeclaration Type, AttentionSpec Spec);
