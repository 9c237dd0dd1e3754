import Testing

@testable import Core

@Suite("Ciphertext is told from values in clear by its content")
struct CiphertextTests {
  static let cipher = "ENC[AES256_GCM,data:Zm9vYmFy,iv:YmF6,tag:cXV1eA==,type:str]"

  static let files: [(text: String, kind: String?)] = [
    ("DB_PASSWORD=\(cipher)\nLOG_LEVEL=\nsops_version=3.9.4\nsops_mac=\(cipher)\n", "SOPS"),
    ("db:\n    password: \(cipher)\nsops:\n    version: 3.9.4\n    mac: \(cipher)\n", "SOPS"),
    ("{\n\t\"token\": \"\(cipher)\",\n\t\"sops\": {\n\t\t\"version\": \"3.9.4\"\n\t}\n}\n", "SOPS"),
    ("age-encryption.org/v1\n-> X25519 abc\n", "age"), ("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n", "age"),
    ("-----BEGIN PGP MESSAGE-----\n\nhQEM\n", "OpenPGP"), ("$ANSIBLE_VAULT;1.1;AES256\n6231\n", "Ansible Vault"),
    ("DOTENV_PUBLIC_KEY=\"02ab\"\nTOKEN=\"encrypted:BMf\"\n", "dotenvx"),
    ("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\n", "Sealed Secrets"),
    ("DB_PASSWORD=correct-horse-7\n", nil), ("sops_version=3.9.4\nDB_PASSWORD=correct-horse-7\n", nil),
    ("A=\(cipher)\nDB_PASSWORD=correct-horse-7\nsops_version=3.9.4\n", nil), ("A=\(cipher)\n", nil), ("", nil),
  ]

  @Test(arguments: files) func `a file is encrypted when what it holds is`(_ text: String, _ kind: String?) {
    #expect(Ciphertext.kind(of: Array(text.utf8)) == kind)
  }

  static let names: [(path: String, isTemplate: Bool)] = [
    ("app/.env.example", true), ("app/.env.template", true), (".env.sample", true), (".env.dist", true),
    ("app/.env.prod.example", true), ("app/.env.production", false), ("app/.env.sops", false), (".env", false),
    ("app/.env.distribution", false),
  ]

  @Test(arguments: names) func `a template of values is known by its name`(_ path: String, _ isTemplate: Bool) {
    #expect(Template.isNamed(path) == isTemplate)
    #expect(!Template.isNamed("nginx/default.conf") && !Template.isNamed("app.conf.template"))
    #expect((ProtectedPaths().glob(protecting: path) == nil) == isTemplate)
  }
}
