namespace Kernels.Generators.Mods;

/// <summary>How tightly the operators of C bind, the tightest last.</summary>
internal enum Binding
{
    Conditional,
    Or,
    And,
    BitOr,
    BitXor,
    BitAnd,
    Equality,
    Relational,
    Shift,
    Sum,
    Product,
    Unary,
    Primary,
}
