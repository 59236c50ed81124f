using Kernels.Compiler;

namespace Kernels.Generators.Parsing;

/// <summary>
/// How to reopen the type that carries a spec: its namespace, the types around it, and its own name. Compared by content.
/// </summary>
/// <param name="Namespace">The namespace as it is written in code, empty for the global one.</param>
/// <param name="Containing">Heads of the types around it, outermost first, such as <c>partial class Model</c>.</param>
/// <param name="Identifier">The type's name as it is written in code: with an @ where it could be a keyword.</param>
/// <param name="Name">The type's name.</param>
/// <param name="FileName">What the names of its files begin with, unique whatever the case of its letters.</param>
internal sealed record TypeDeclaration(
    string Namespace, EquatableArray<string> Containing, string Identifier, string Name, string FileName);
